"""Searches for faults of a data set that an inspection and a run share, and their tables."""
