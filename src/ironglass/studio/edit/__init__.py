"""Editing of a picture: rotation, strokes, parts of another picture."""
