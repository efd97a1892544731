"""Faults of a data set found in its images: duplicates, leaks between splits, bad images, wrong labels."""
