"""Features of images without a trained network: responses to patches of the images themselves."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

DIMENSIONS = 256
"""Principal directions that the classifier sees, at most."""
FILTERS, PATCH, STRIDE = 128, 6, 2
DRAWN = 5000
"""Images from which the principal directions are found, at most."""
_BLOCK = 64


def patch_features(thumbs: np.ndarray, tints: np.ndarray, seed: int) -> np.ndarray:
    """Features without a trained network: responses to patches of the images themselves, float32, (n, d).

    Patches drawn at random are whitened and taken for filters, whose positive and negative responses are averaged over
    quarters of the image (Coates, Lee and Ng 2011, AISTATS); with chroma, in DIMENSIONS principal directions.

    thumbs: uint8, (n, h, w); tints: uint8, (n, k, k, 2).
    """
    random = np.random.default_rng([seed, 3])
    filters, offsets = _filters(thumbs, random)
    chroma = tints.reshape(len(tints), -1)

    def responses(rows: np.ndarray) -> np.ndarray:
        tint = (chroma[rows].astype(np.float32) - 128) / 16
        return np.concatenate([_responses(_patches(thumbs[rows]), filters, offsets), tint], axis=1)

    drawn = np.sort(random.permutation(len(thumbs))[:DRAWN])
    sample = np.concatenate([responses(rows) for rows in _blocks(drawn)])
    mean, basis = principal_directions(sample, len(thumbs))
    if len(drawn) == len(thumbs):
        return (sample - mean) @ basis
    return np.concatenate([(responses(rows) - mean) @ basis for rows in _blocks(np.arange(len(thumbs)))])


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return np.array_split(rows, -(-len(rows) // _BLOCK))


def _patches(thumbs: np.ndarray) -> np.ndarray:
    """Patches of even contrast, (n, rows, columns, PATCH²), at half the thumbnail's size."""
    n, height, width = thumbs.shape
    halves = thumbs[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2)
    small = halves.mean((2, 4), dtype=np.float32)
    windows = sliding_window_view(small, (PATCH, PATCH), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    patches = windows.reshape(*windows.shape[:3], -1)
    patches = patches - patches.mean(-1, keepdims=True)
    return patches / (patches.std(-1, keepdims=True) + 10)


def _filters(thumbs: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Filters (PATCH², FILTERS) with the whitening in them, and their responses to the mean patch."""
    drawn = random.permutation(len(thumbs))[:2000]
    patches = _patches(thumbs[np.sort(drawn)]).reshape(-1, PATCH * PATCH)
    patches = patches[random.permutation(len(patches))[:20_000]]
    mean = patches.mean(0)
    values, vectors = np.linalg.eigh(np.cov(patches.T))
    whitening = (vectors / np.sqrt(np.maximum(values, 0) + 0.1)) @ vectors.T
    filters = (patches[random.permutation(len(patches))[:FILTERS]] - mean) @ whitening
    filters /= np.linalg.norm(filters, axis=1, keepdims=True) + 1e-6
    combined = whitening @ filters.T
    return combined.astype(np.float32), (mean @ combined).astype(np.float32)


def _responses(patches: np.ndarray, filters: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Positive and negative responses averaged over quarters of the image, (n, 8 × FILTERS)."""
    responses = patches @ filters - offsets
    rows, columns = responses.shape[1] // 2, responses.shape[2] // 2
    quarters = [
        part[:, down, across].mean((1, 2))
        for part in (np.maximum(responses - 0.25, 0), np.maximum(-responses - 0.25, 0))
        for down in (slice(0, rows), slice(rows, None))
        for across in (slice(0, columns), slice(columns, None))
    ]
    return np.concatenate(quarters, axis=1)


def principal_directions(features: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean (d,) of some of n images' features, and a basis (d, k) that evens the scales of the features and turns
    them to their k principal directions, of which there are at most DIMENSIONS and a quarter of n."""
    mean, scale = features.mean(0), features.std(0) + 1e-4
    even = (features - mean) / scale
    _, vectors = np.linalg.eigh(even.T @ even)
    count = min(DIMENSIONS, features.shape[1], max(2, n // 4))
    return mean, vectors[:, -count:] / scale[:, None]
