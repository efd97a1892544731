"""Images of no class, made of a data set's own: noise, and shuffled tiles."""

from __future__ import annotations

import numpy as np

TILES = 4
"""Tiles along a side of an image that is shuffled."""
_CHUNK = 64


def noise_like(pixels: np.ndarray, seed: int) -> np.ndarray:
    """As many images of Gaussian noise: every value drawn by itself, with mean and deviation of its channel over all
    images, and cut to black and white.

    pixels: (n, h, w, c), uint8, or float in [0, 1]; the noise has their type.
    """
    draws, white = np.random.default_rng(seed), 255 if pixels.dtype == np.uint8 else 1
    mean, deviation = _moments(pixels)
    noise = np.empty(pixels.shape, pixels.dtype)
    for start in range(0, len(pixels), _CHUNK):
        shape = noise[start : start + _CHUNK].shape
        values = np.clip(draws.normal(mean, deviation, shape), 0, white)
        noise[start : start + _CHUNK] = np.rint(values) if white == 255 else values
    return noise


def shuffled_tiles(pixels: np.ndarray, seed: int) -> np.ndarray:
    """The same images, each cut into `TILES` × `TILES` tiles that are put together in a drawn order, another for each
    image. Rows and columns that are left over at the lower and right edge stay.

    pixels: (n, h, w, c). Images of fewer than `TILES` pixels a side are cut along that side into single pixels.
    """
    draws, shuffled = np.random.default_rng(seed), np.array(pixels)
    rows, columns = (min(TILES, side) for side in pixels.shape[1:3])
    height, width = pixels.shape[1] // rows, pixels.shape[2] // columns
    for image, into in zip(pixels, shuffled, strict=True):
        block = image[: rows * height, : columns * width]
        tiles = (
            block.reshape(rows, height, columns, width, -1).swapaxes(1, 2).reshape(rows * columns, height, width, -1)
        )
        tiles = tiles[draws.permutation(len(tiles))].reshape(rows, columns, height, width, -1)
        into[: rows * height, : columns * width] = tiles.swapaxes(1, 2).reshape(block.shape)
    return shuffled


def _moments(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each channel, (c,), in the unit of the pixels."""
    sums, squares, values = np.zeros(pixels.shape[3]), np.zeros(pixels.shape[3]), 0
    for start in range(0, len(pixels), _CHUNK):
        chunk = pixels[start : start + _CHUNK].astype(np.float64)
        sums, squares = sums + chunk.sum((0, 1, 2)), squares + (chunk**2).sum((0, 1, 2))
        values += chunk[..., 0].size
    mean = sums / values
    return mean, np.sqrt(np.maximum(squares / values - mean**2, 0))
