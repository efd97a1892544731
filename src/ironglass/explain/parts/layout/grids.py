"""Grids of places that have about the shape of an image."""

from __future__ import annotations

ASPECT = 2.0
"""How far the shape of rows and columns may be from the image's, as a factor, where the image's own axes do not come
through."""


def regular(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Grids of square patches over an image."""
    height, width = size
    sides = range(1, min(height, width) + 1)
    down = [(height // side, width // side) for side in sides]
    return [*down, *((-(-height // side), -(-width // side)) for side in sides)]


def like_image(height: int, width: int, wide: float) -> bool:
    """Returns whether a grid has about the shape of the image, whose width over its height is `wide`."""
    return min(height, width) > 0 and 1 / ASPECT <= width / height / wide <= ASPECT
