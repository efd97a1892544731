"""Measurements of a network's layers."""
