"""The expected calibration error without what chance adds to it, with an interval, for many sets of images at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import gammainc, ndtr, ndtri

from ironglass.measure.confidence.gap_shapes import Bins, DrawnGaps, drawn_gaps
from ironglass.measure.statistics import Rate

BINS = 15
"""Bins of equal width that confidences are sorted into, as in Guo et al. 2017."""
_ERRORS = np.linspace(-6, 4.5, 15)
"""Errors that are tried, in standard deviations from the plain one."""
_FARTHEST = 12.0
_Z = float(ndtri(0.975))
_LEAST = 1e-12
_LUCKY = 1.5
"""Standard deviations below the mean error of chance, beyond which images are taken to be no luckier than so."""


def corrected_error(confidence: np.ndarray, right: np.ndarray) -> Rate:
    """Expected calibration error (Guo et al. 2017, arXiv 1706.04599) without what chance adds to it, with its 95 %
    interval, see `corrected_errors`.

    confidence: (n,) from 0 to 1. right: bool (n,).
    """
    bins = binned(np.asarray(confidence, dtype=np.float64)[None], np.asarray(right, dtype=bool)[None])
    low, value, high = (float(part[0]) for part in corrected_errors(bins))
    return Rate(value=value, low=low, high=high, n=len(right))


def binned(confidence: np.ndarray, right: np.ndarray) -> Bins:
    """The bins of sets of images. confidence: (s, n) from 0 to 1. right: bool (s, n)."""
    sets = len(confidence)
    index = np.minimum((confidence * BINS).astype(int), BINS - 1) + BINS * np.arange(sets)[:, None]

    def summed(values: np.ndarray | None) -> np.ndarray:
        weights = None if values is None else values.ravel()
        return np.bincount(index.ravel(), weights, sets * BINS).reshape(sets, BINS).astype(np.float64)

    images, sure = summed(None), summed(confidence)
    counts = np.maximum(images, 1)
    return Bins(images, sure / counts, (summed(right) - sure) / counts)


def corrected_errors(bins: Bins) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low end, value and high end (s,) of the calibration error of sets of images.

    Even of a perfectly calibrated network the error of n images is above 0. The value is the error of which half of all
    sets of n images would show a larger one than here; the ends are those of which 2.5 % would show as small, or as
    large, a one. An error says nothing of how it lies over the bins, which decides how much chance adds: that is
    averaged over what these images leave open, see `drawn_gaps`. For the ends, gaps are moved to an error as the images
    leave them free to be: where all are scaled alike, as for the value, the high end is too low for gaps of one side,
    and the low end too high for a gap of one bin. An error smaller than chance alone shows in 13 of 14 sets
    has that one's high end (a power-constrained limit: Cowan et al. 2011, arXiv 1105.3166): else images that happen to
    look better than calibrated would have the interval from 0 to 0.
    """
    gaps = drawn_gaps(bins)
    low, high = _ends(bins, gaps)
    return low, np.clip(_error_at(0.5, *_chances(bins, gaps.scaled)), low, high), high


def error_interval(bins: Bins) -> tuple[np.ndarray, np.ndarray]:
    """The two ends alone, in half the time."""
    return _ends(bins, drawn_gaps(bins))


def _ends(bins: Bins, gaps: DrawnGaps) -> tuple[np.ndarray, np.ndarray]:
    moved = _chances(bins, gaps.moved)
    low, high = (_error_at(quantile, *moved) for quantile in (0.975, 0.025))
    of_chance = _low_error_of_chance(bins)
    if (lucky := bins.error < of_chance).any():
        high = np.where(lucky, np.maximum(high, _error_at(0.025, *_chances(bins, gaps.moved, of_chance))), high)
    sure, accuracy, n = (
        (bins.sure * bins.share).sum(1),
        ((bins.sure + bins.gap) * bins.share).sum(1),
        bins.images.sum(1),
    )
    # where all are right and all sure of it nothing varies; the accuracy may be as low as Wilson's end all the same
    return low, np.where(accuracy > 1 - 1e-9, np.maximum(high, sure - n / (n + _Z**2)), high)


def _low_error_of_chance(bins: Bins) -> np.ndarray:
    """Error (s,) that images whose confidences are right show in 1 of 14 sets, or a smaller one."""
    noise = bins.share**2 * _variance(bins.sure, bins.images)
    return np.sqrt(2 / np.pi) * np.sqrt(noise).sum(1) - _LUCKY * np.sqrt((1 - 2 / np.pi) * noise.sum(1))


def _chances(
    bins: Bins, gaps_of: Callable[[np.ndarray], np.ndarray], limit_error: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """True errors (s, t), rising from 0, and the chance of each that a set of images shows no larger an error than
    here, or than `limit_error` (s,)."""
    limit_error = bins.error if limit_error is None else limit_error
    noise = _variance(bins.sure + bins.gap, bins.images)
    spread = (bins.gap**2 * bins.share).sum(1) - bins.error**2
    variance = (bins.share**2 * noise).sum(1) + np.maximum(spread, 0) / bins.images.sum(1)
    errors = np.clip(limit_error[:, None] + np.sqrt(variance)[:, None] * _ERRORS, 0, 1)
    errors[:, 0] = 0
    chances = np.stack([_chance(bins, gaps_of(error), limit_error) for error in errors.T], 1)
    return errors, np.minimum.accumulate(chances, 1)


def _error_at(quantile: float, errors: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The true error (s,) with this chance, between two of those that were tried."""
    scores, score = ndtri(np.clip(chances, 1e-9, 1 - 1e-9)), float(ndtri(quantile))
    after = np.clip((scores > score).sum(1), 1, scores.shape[1] - 1)[:, None]
    (above, below), (near, far) = (
        [np.take_along_axis(values, after - step, 1)[:, 0] for step in (1, 0)] for values in (scores, errors)
    )
    part = np.clip((above - score) / np.maximum(above - below, _LEAST), 0, 1)
    return np.where(scores[:, 0] <= score, 0.0, near + (far - near) * part)


def _chance(bins: Bins, gaps: np.ndarray, limit_error: np.ndarray) -> np.ndarray:
    """The chance (s,) that sets of images show no larger an error than `limit_error` (s,). gaps: (s, d, b) true ones,
    times shares.

    Each bin adds the size of a normal number; the sum's mean, variance and skewness are known (Leone, Nelson &
    Nottingham 1961, Technometrics 3:543), and a gamma distribution has the same.
    """
    images, share = bins.images[:, None, :], bins.share[:, None, :]
    n = images.sum(2)
    gap = _possible(gaps / np.maximum(share, _LEAST), bins.sure[:, None, :])
    rate = (bins.sure[:, None, :] + gap) * images
    rate = (rate + 0.5) / (images + 1)
    size, noise = np.abs(gap) * share, rate * (1 - rate) * images / n[:, :, None] ** 2
    root = np.sqrt(noise)
    z = np.minimum(size / np.maximum(root, 1e-15), _FARTHEST)
    density, inside = np.exp(-z * z / 2) * np.sqrt(2 / np.pi), 2 * ndtr(z) - 1
    first = density + z * inside
    square = z * z
    third = (square + 2) * density + (square + 3) * z * inside - first * (3 * (1 + square) - 2 * first * first)
    mean = (size + (first - z) * root).sum(2)
    skew = third * root * noise + np.sign(gap) * inside * noise * (1 - 2 * rate) / n[:, :, None]
    sizes = np.abs(gap)
    spread = (sizes * size).sum(2) - size.sum(2) ** 2  # other images fall into other bins
    variance = np.maximum((np.maximum(1 + square - first * first, 0) * noise).sum(2) + np.maximum(spread, 0) / n, 1e-30)
    return _gamma_chance((limit_error[:, None] - mean) / np.sqrt(variance), skew.sum(2) / variance**1.5).mean(1)


def _variance(accuracy: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Variance of the gap of bins of this accuracy; one in which all is right has some, too."""
    rate = (accuracy * images + 0.5) / (images + 1)
    return rate * (1 - rate) / np.maximum(images, 1)


def _possible(gap: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Gaps turned to the other side where none so large is possible on theirs: an accuracy lies from 0 to 1."""
    is_outside = (gap > 1 - sure) | (gap < -sure)
    is_inside_turned = (-gap <= 1 - sure) & (-gap >= -sure)
    gap = np.where(is_outside & is_inside_turned, -gap, gap)
    return np.clip(gap, -sure, 1 - sure)


def _gamma_chance(z: np.ndarray, skew: np.ndarray) -> np.ndarray:
    """The chance of no more than z of a gamma variable of mean 0, variance 1 and this skewness, or its mirror image."""
    side, size = np.where(skew < 0, -1.0, 1.0), np.clip(np.abs(skew), 0.02, 1.9)
    shape = 4 / size**2
    chance = gammainc(shape, np.maximum(shape + np.sqrt(shape) * z * side, 0))
    return np.where(side < 0, 1 - chance, chance)
