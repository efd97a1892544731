"""Data sources, one a file: each lists encoded images and their labels."""
