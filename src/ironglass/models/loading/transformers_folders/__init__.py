"""Folders of Hugging Face's transformers, read as data."""
