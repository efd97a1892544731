"""Explanation methods, one a file."""
