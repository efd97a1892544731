"""Failures of a classifier: slices of lower accuracy, confused classes, clusters."""
