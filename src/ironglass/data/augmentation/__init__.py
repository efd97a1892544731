"""Augmentation by callables of the user's own."""
