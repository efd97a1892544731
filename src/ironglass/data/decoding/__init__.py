"""Decoding of image files: formats, bit depth, quarantine of what cannot be decoded."""
