"""The prediction study: classes for a few images."""
