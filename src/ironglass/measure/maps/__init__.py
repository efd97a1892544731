"""Measurements of explanation maps."""
