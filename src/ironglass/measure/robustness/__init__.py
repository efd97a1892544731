"""Robustness measurements with their evidence and verdict."""
