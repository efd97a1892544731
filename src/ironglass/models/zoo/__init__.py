"""Architectures of our own, one a file."""
