"""Near-duplicates: pairs of images that show the same picture in other pixels.

A descriptor of an image's detail proposes pairs; the detail itself, aligned by small shifts and mirrored, decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from ironglass.types import Progress

DETAIL_SIGMA = 2.0
"""Pixels of the thumbnail: what is coarser is no detail."""
LOCAL_SIGMA = 3.0
FLOOR = 4.0
"""Grey levels: detail weaker than this counts little."""
DIMENSIONS = 64
LEAST_PROPOSED, MOST_PROPOSED = 0.75, 0.97
"""Bounds of the correlation of descriptors from which a pair is proposed."""
PAIRS_AN_IMAGE = 8
SAMPLE = 4000
RANK = 3
CLOSER, PROPOSED_CLOSER = 0.12, 0.5
LEAST = 0.85
TINT = 12
"""Levels by which the chroma of two images of one picture may differ on average."""
LARGEST = 200_000
"""Images, beyond which pairs are not searched: their number grows with the square."""
_BLOCK = 2048


@dataclass(frozen=True)
class NearPairs:
    """Pairs of near-duplicates among n images.

    first, second: (m,), positions of the images, first < second.
    similarity: (m,), correlation of the two images' detail after alignment, 1 for the same.
    mirrored: (m,), whether the second is the first in a mirror.
    proposed: pairs that were compared.
    threshold: correlation of descriptors from which a pair was proposed.
    """

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray
    mirrored: np.ndarray
    proposed: int
    threshold: float


def near_duplicates(
    thumbs: np.ndarray, tints: np.ndarray, seed: int = 0, progress: Progress | None = None
) -> NearPairs:
    """Finds the pairs of images that show one picture, but for brightness, contrast, encoding, a small shift, a mirror.

    A pair is one where the part of the detail that differs (1 less its correlation) is at most CLOSER of what it is
    between either image and the RANK-th nearest of SAMPLE images drawn at random: closer than chance makes images of
    this data set alike.

    thumbs: uint8, (n, h, w), grey; tints: uint8, (n, k, k, 2), chroma. seed: of the images drawn.
    """
    detail = _detail(thumbs)
    plain, mirror = _descriptors(detail, seed)
    chance = _chance(plain, seed)
    threshold = _threshold(plain, seed)
    results: list[tuple[np.ndarray, ...]] = []
    proposed = 0
    steps = list(_blocks(len(thumbs)))
    for number, (rows, columns) in enumerate(steps):
        for mirrored, other in ((False, plain), (True, mirror)):
            i, j = _above(plain, other, rows, columns, threshold, chance)
            proposed += len(i)
            similarity = _similarity(detail, i, j, mirrored=mirrored)
            limit = 1 - CLOSER * (1 - np.maximum(chance[i], chance[j]))
            other_tint = tints[j][:, :, ::-1] if mirrored else tints[j]
            same_tint = np.abs(tints[i].astype(np.int16) - other_tint).mean((1, 2, 3)) <= TINT
            accepted = (similarity >= np.maximum(limit, LEAST)) & same_tint
            results.append((i[accepted], j[accepted], similarity[accepted], np.full(int(accepted.sum()), mirrored)))
        if progress:
            progress(number + 1, len(steps))
    first, second, similarity, mirrored = (np.concatenate(parts) for parts in zip(*results, strict=True))
    order = np.lexsort((mirrored, -similarity))
    keys = first[order] * len(thumbs) + second[order]
    order = order[np.sort(np.unique(keys, return_index=True)[1])]  # a pair once, the better way round
    return NearPairs(first[order], second[order], similarity[order], mirrored[order], proposed, threshold)


def _detail(thumbs: np.ndarray) -> np.ndarray:
    """The thumbnails' detail of even strength, float16, (n, h, w), mean 0 and length 1; zeros where there is none."""
    detail = np.empty(thumbs.shape, np.float16)
    for start in range(0, len(thumbs), _BLOCK):
        values = thumbs[start : start + _BLOCK].astype(np.float32)
        values -= gaussian_filter(values, (0, DETAIL_SIGMA, DETAIL_SIGMA))
        spread = np.sqrt(gaussian_filter(values * values, (0, LOCAL_SIGMA, LOCAL_SIGMA)))
        values /= spread + FLOOR
        detail[start : start + _BLOCK] = _unit(values.reshape(len(values), -1)).reshape(values.shape)
    return detail


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(length > 1e-3, rows / np.maximum(length, 1e-3), 0)


def _descriptors(detail: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The detail at half the size in its DIMENSIONS principal directions, float32, (n, d), length 1, and the same of
    the mirrored images."""
    drawn = _halves(detail[np.sort(np.random.default_rng(seed).permutation(len(detail))[:4000])])
    rows = drawn.reshape(len(drawn), -1)
    _, vectors = np.linalg.eigh(rows.T @ rows)
    basis = vectors[:, -DIMENSIONS:]
    plain, mirrored = (np.empty((len(detail), basis.shape[1]), np.float32) for _ in range(2))
    for start in range(0, len(detail), _BLOCK):
        part = _halves(detail[start : start + _BLOCK])
        plain[start : start + _BLOCK] = _length_one(part.reshape(len(part), -1) @ basis)
        mirrored[start : start + _BLOCK] = _length_one(part[:, :, ::-1].reshape(len(part), -1) @ basis)
    return plain, mirrored


def _halves(detail: np.ndarray) -> np.ndarray:
    """The detail at half the size, float32."""
    n, height, width = detail.shape
    part = detail[:, : height // 2 * 2, : width // 2 * 2].astype(np.float32)
    return part.reshape(n, height // 2, 2, width // 2, 2).mean((2, 4))


def _length_one(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / np.where(length > 0, length, 1)).astype(np.float32)


def _chance(descriptors: np.ndarray, seed: int) -> np.ndarray:
    """Of each image the correlation with the RANK-th nearest of SAMPLE images drawn at random."""
    drawn = descriptors[np.random.default_rng([seed, 1]).permutation(len(descriptors))[:SAMPLE]]
    rank = min(RANK, len(drawn))
    results = np.empty(len(descriptors), np.float32)
    for start in range(0, len(descriptors), _BLOCK):
        close = descriptors[start : start + _BLOCK] @ drawn.T
        results[start : start + _BLOCK] = np.partition(close, len(drawn) - rank, axis=1)[:, len(drawn) - rank]
    return results


def _threshold(descriptors: np.ndarray, seed: int) -> float:
    """The correlation above which about PAIRS_AN_IMAGE pairs an image lie, within its bounds."""
    n = len(descriptors)
    drawn = np.random.default_rng([seed, 2]).permutation(n)[: max(1, min(400, n))]
    close = descriptors[drawn] @ descriptors.T
    close[np.arange(len(drawn)), drawn] = -1
    pairs = min(PAIRS_AN_IMAGE * len(drawn), close.size - 1)
    return float(np.clip(np.partition(close.ravel(), -pairs - 1)[-pairs - 1], LEAST_PROPOSED, MOST_PROPOSED))


def _blocks(n: int) -> Iterator[tuple[slice, slice]]:
    """Pairs of blocks of rows and columns that hold every pair of positions once or twice."""
    for row in range(0, n, _BLOCK):
        for column in range(row, n, 4 * _BLOCK):
            yield slice(row, min(row + _BLOCK, n)), slice(column, min(column + 4 * _BLOCK, n))


def _above(
    plain: np.ndarray, other: np.ndarray, rows: slice, columns: slice, threshold: float, chance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions i < j of the pairs whose descriptors correlate above the threshold, and far more than by chance."""
    close = plain[rows] @ other[columns].T
    flat = np.flatnonzero(close > threshold)
    i, j = rows.start + flat // close.shape[1], columns.start + flat % close.shape[1]
    closer = 1 - close.ravel()[flat] <= PROPOSED_CLOSER * (1 - np.maximum(chance[i], chance[j]))
    return i[closer & (i < j)], j[closer & (i < j)]


def _similarity(detail: np.ndarray, i: np.ndarray, j: np.ndarray, *, mirrored: bool) -> np.ndarray:
    """The largest correlation of the detail of the pairs, over shifts of at most one pixel of the thumbnail."""
    results = np.full(len(i), -1, np.float32)
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        a, b = detail[i[part]].astype(np.float32), detail[j[part]].astype(np.float32)
        b = b[:, :, ::-1] if mirrored else b
        fixed = _unit(a[:, 1:-1, 1:-1].reshape(len(a), -1))
        for down in range(3):
            for across in range(3):
                moved = b[:, down : down + b.shape[1] - 2, across : across + b.shape[2] - 2]
                close = np.einsum("nd,nd->n", fixed, _unit(moved.reshape(len(b), -1)))
                results[part] = np.maximum(results[part], close)
    return results
