"""Checkpoints: read as tensors only, and fitted to a network by their names."""
