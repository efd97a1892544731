"""Grids with about the aspect ratio of an image."""

from __future__ import annotations

ASPECT = 2.0
"""Largest factor between a grid's aspect ratio and the image's, where the image's own axes are not traced."""


def regular(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Grids of square patches over an image."""
    height, width = size
    sides = range(1, min(height, width) + 1)
    down = [(height // side, width // side) for side in sides]
    return [*down, *((-(-height // side), -(-width // side)) for side in sides)]


def like_image(height: int, width: int, aspect: float) -> bool:
    """Returns whether a grid has about the aspect ratio of the image, `aspect`, its width over its height."""
    return min(height, width) > 0 and 1 / ASPECT <= width / height / aspect <= ASPECT
