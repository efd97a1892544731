"""Near-duplicates: pairs of images that show the same picture in other pixels.

A descriptor of an image's detail proposes pairs; the detail itself, aligned by small shifts and mirrored, decides. A
pair is certain where the grey levels agree, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ironglass.types import Progress

DETAIL_SIGMA, LOCAL_SIGMA = 2.0, 3.0
"""Pixels of the thumbnail: what is coarser than the first is no detail, and by the second its strength is evened."""
FLOOR = 4.0
"""Grey levels: detail weaker than this counts little."""
DIMENSIONS = 64
LEAST_PROPOSED, MOST_PROPOSED = 0.75, 0.97
"""Bounds of the correlation of descriptors from which a pair is proposed."""
PAIRS_AN_IMAGE = 8
SAMPLE = 4000
RANK = 3
PROPOSED_CLOSER = 0.5
LIKELY, LIKELY_DISTINCT, CERTAIN = 0.12, 0.2, 0.06
"""Part of the detail that may differ, of what differs from the RANK-th nearest of SAMPLE images."""
DISTINCT = 0.6
"""Correlation with that image up to which an image has a detail of its own: photographs do, most garments do not."""
LEAST = 0.85
SAME_LEVELS, SAME_FITTED = 16.0, 12.0
"""Grey levels by which the pixels of a certain pair may differ anywhere, smoothed over LEVEL_SIGMA: as they are, and
brought to one mean and contrast."""
LEVEL_SIGMA = 1.5
TINT = 12
"""Levels by which the chroma of two images of one picture may differ on average."""
LARGEST = 200_000
"""Images, beyond which pairs are not searched: their number grows with the square."""
_BLOCK = 512


@dataclass(frozen=True)
class NearPairs:
    """Pairs of near-duplicates among n images.

    first, second: (m,), positions of the images, first < second.
    similarity: (m,), correlation of the two images' detail after alignment, 1 for the same.
    mirrored: (m,), whether the second is the first in a mirror.
    certain: (m,), whether they are one picture beyond doubt; the others are likely.
    proposed: pairs that were compared.
    threshold: correlation of descriptors from which a pair was proposed.
    """

    first: np.ndarray
    second: np.ndarray
    similarity: np.ndarray
    mirrored: np.ndarray
    certain: np.ndarray
    proposed: int
    threshold: float


def near_duplicates(
    thumbs: np.ndarray, tints: np.ndarray, seed: int = 0, progress: Progress | None = None
) -> NearPairs:
    """Finds the pairs of images that show one picture, but for brightness, contrast, encoding, a small shift, a mirror.

    What differs of two images' detail (1 less its correlation) is judged by what differs between either image and the
    RANK-th nearest of SAMPLE images drawn at random: by how alike chance makes images of this data set. A pair is
    likely from a share of LIKELY on, or LIKELY_DISTINCT where both images have a detail of their own. It is certain
    from CERTAIN on where no grey level differs by more than SAME_LEVELS; and, where both images have a detail of their
    own, from LIKELY on where none does by more than SAME_FITTED once brightness and contrast are made the same.

    thumbs: uint8, (n, h, w), grey; tints: uint8, (n, k, k, 2), chroma. seed: of the images drawn.
    """
    plain, mirror = _descriptors(thumbs, seed)
    chance = _chance(plain, seed)
    threshold = _threshold(plain, seed)
    first, second, mirrored = _proposals(plain, mirror, threshold, chance, progress)
    same_tint = _chroma_difference(tints, first, second, mirrored) <= TINT
    first, second, mirrored, proposed = first[same_tint], second[same_tint], mirrored[same_tint], len(first)
    images, rows = np.unique(np.concatenate([first, second]), return_inverse=True)
    i, j = rows[: len(first)], rows[len(first) :]
    similarity = _similarity(_detail(thumbs[images]), i, j, mirrored)
    by_chance = np.maximum(chance[first], chance[second])
    share, distinct = (1 - similarity) / np.maximum(1 - by_chance, 1e-6), by_chance <= DISTINCT
    likely = (similarity >= LEAST) & (share <= np.where(distinct, LIKELY_DISTINCT, LIKELY))
    order = np.flatnonzero(likely)[np.lexsort((mirrored[likely], -similarity[likely]))]
    keys = first[order] * len(thumbs) + second[order]
    order = order[np.sort(np.unique(keys, return_index=True)[1])]  # a pair once, the better way round
    first, second, similarity, mirrored = first[order], second[order], similarity[order], mirrored[order]
    levels, fitted = _level_difference(thumbs, first, second, mirrored)
    certain = (share[order] <= CERTAIN) & (levels <= SAME_LEVELS)
    certain |= (share[order] <= LIKELY) & distinct[order] & (fitted <= SAME_FITTED)
    return NearPairs(first, second, similarity, mirrored, certain, proposed, threshold)


def _proposals(
    plain: np.ndarray, mirror: np.ndarray, threshold: float, chance: np.ndarray, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions i < j of the pairs whose descriptors are close enough, and whether the second's is of its mirror."""
    results: list[tuple[np.ndarray, ...]] = []
    steps = range(0, len(plain), _BLOCK)
    for number, row in enumerate(steps):
        for column in range(row, len(plain), 4 * _BLOCK):
            rows, columns = slice(row, row + _BLOCK), slice(column, column + 4 * _BLOCK)
            for is_mirrored, other in ((False, plain), (True, mirror)):
                i, j = _above(plain, other, rows, columns, threshold, chance)
                results.append((i, j, np.full(len(i), is_mirrored)))
        if progress:
            progress(number + 1, len(steps))
    first, second, mirrored = (np.concatenate(parts) for parts in zip(*results, strict=True))
    return first, second, mirrored


def _chroma_difference(tints: np.ndarray, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Mean difference of the chroma of the pairs, (m,), in levels of 255."""
    other = np.where(mirrored[:, None, None, None], tints[j][:, :, ::-1], tints[j])
    return np.abs(tints[i].astype(np.int16) - other).mean((1, 2, 3))


def _detail(thumbs: np.ndarray, scale: float = 1) -> np.ndarray:
    """The thumbnails' detail of even strength, float16, (n, h, w), mean 0 and length 1; zeros where there is none.

    scale: of the thumbnails, by which the widths of the filters are multiplied.
    """
    from scipy.ndimage import gaussian_filter  # late: a third of a second

    detail = np.empty(thumbs.shape, np.float16)
    for start in range(0, len(thumbs), _BLOCK):
        values = thumbs[start : start + _BLOCK].astype(np.float32)
        values -= gaussian_filter(values, (0, scale * DETAIL_SIGMA, scale * DETAIL_SIGMA))
        spread = np.sqrt(gaussian_filter(values * values, (0, scale * LOCAL_SIGMA, scale * LOCAL_SIGMA)))
        values /= spread + FLOOR
        detail[start : start + _BLOCK] = _unit(values.reshape(len(values), -1)).reshape(values.shape)
    return detail


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows - rows.mean(1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(length > 1e-3, rows / np.maximum(length, 1e-3), 0)


def _descriptors(thumbs: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The detail at half the size in its DIMENSIONS principal directions, float32, (n, d), length 1, and the same of
    the mirrored images."""
    drawn = _detail_of_halves(thumbs[np.sort(np.random.default_rng(seed).permutation(len(thumbs))[:4000])])
    rows = drawn.reshape(len(drawn), -1)
    _, vectors = np.linalg.eigh(rows.T @ rows)
    basis = vectors[:, -DIMENSIONS:]
    plain, mirrored = (np.empty((len(thumbs), basis.shape[1]), np.float32) for _ in range(2))
    for start in range(0, len(thumbs), _BLOCK):
        part = _detail_of_halves(thumbs[start : start + _BLOCK])
        plain[start : start + _BLOCK] = _length_one(part.reshape(len(part), -1) @ basis)
        mirrored[start : start + _BLOCK] = _length_one(part[:, :, ::-1].reshape(len(part), -1) @ basis)
    return plain, mirrored


def _detail_of_halves(thumbs: np.ndarray) -> np.ndarray:
    """The detail of the thumbnails brought to half their size, float32."""
    n, height, width = thumbs.shape
    part = thumbs[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2)
    return _detail(part.mean((2, 4), dtype=np.float32), 0.5).astype(np.float32)


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


def _above(
    plain: np.ndarray, other: np.ndarray, rows: slice, columns: slice, threshold: float, chance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions i < j of the pairs whose descriptors correlate above the threshold, and far more than by chance."""
    close = plain[rows] @ other[columns].T
    flat = np.flatnonzero(close > threshold)
    i, j = rows.start + flat // close.shape[1], columns.start + flat % close.shape[1]
    closer = 1 - close.ravel()[flat] <= PROPOSED_CLOSER * (1 - np.maximum(chance[i], chance[j]))
    return i[closer & (i < j)], j[closer & (i < j)]


def _similarity(detail: np.ndarray, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """The largest correlation of the detail of the pairs, over shifts of at most one pixel of the thumbnail."""
    results = np.full(len(i), -1, np.float32)
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        a, moved = _shifted(detail, i[part], j[part], mirrored[part])
        fixed = _unit(a.reshape(len(a), -1))
        for b in moved:
            close = np.einsum("nd,nd->n", fixed, _unit(b.reshape(len(b), -1)))
            results[part] = np.maximum(results[part], close)
    return results


def _level_difference(
    thumbs: np.ndarray, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The largest smoothed difference of grey levels of the pairs, at the shift where it is least; and the same of
    levels brought to the pair's mean contrast."""
    from scipy.ndimage import gaussian_filter  # late, too

    results = np.full((2, len(i)), np.inf, np.float32)
    for start in range(0, len(i), _BLOCK):
        part = slice(start, start + _BLOCK)
        a, moved = _shifted(thumbs, i[part], j[part], mirrored[part])
        for b in moved:
            contrast = np.sqrt(a.std((1, 2), keepdims=True) * b.std((1, 2), keepdims=True))
            for number, difference in enumerate((a - b, contrast * (_standard(a) - _standard(b)))):
                smooth = gaussian_filter(difference, (0, LEVEL_SIGMA, LEVEL_SIGMA))
                results[number, part] = np.minimum(results[number, part], np.abs(smooth).max((1, 2)))
    return results[0], results[1]


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean((1, 2), keepdims=True)) / (values.std((1, 2), keepdims=True) + 1e-6)


def _shifted(
    values: np.ndarray, i: np.ndarray, j: np.ndarray, mirrored: np.ndarray
) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """The first images of some pairs without their rim, float32, and the second ones at each of nine shifts."""
    a, b = values[i].astype(np.float32), values[j].astype(np.float32)
    b = np.where(mirrored[:, None, None], b[:, :, ::-1], b)
    height, width = b.shape[1] - 2, b.shape[2] - 2
    moved = (b[:, down : down + height, across : across + width] for down in range(3) for across in range(3))
    return a[:, 1:-1, 1:-1], moved
