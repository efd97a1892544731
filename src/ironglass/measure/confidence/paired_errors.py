"""The difference of the calibration errors of two networks on the same images, for many sets of images at once."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ironglass.measure.confidence.calibration_error import BINS, binned, corrected_errors
from ironglass.measure.confidence.gap_shapes import Bins

Answers = tuple[np.ndarray, np.ndarray]
"""Confidences (s, n), from 0 to 1, and which answers are right, bool (s, n)."""
_FARTHEST = 12.0
_LEAST = 1e-15


def corrected_differences(first: Answers, second: Answers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low end, value and high end (s,) of the second network's corrected error less the first's, with a 95 % interval.

    The ends follow from those of the two errors (`corrected_errors`) and the correlation of these (Zou 2007, Psychol.
    Methods 12:399, which Newcombe's method 10 is without correlation). An error whose interval reaches 0 may be none
    whatever its value: the difference may then be as far as the other one's end, and the interval holds more often.

    first, second: on the same images in the same order.
    """
    bins = binned(*first), binned(*second)
    (low_1, error_1, high_1), (low_2, error_2, high_2) = (corrected_errors(one) for one in bins)
    together = _correlation(bins, (first, second), (error_1, error_2))
    value = error_2 - error_1
    low = value - _side(error_2 - low_2, high_1 - error_1, together)
    high = value + _side(high_2 - error_2, error_1 - low_1, together)
    return (
        np.where(low_2 <= 0, np.minimum(low, -high_1), low),
        value,
        np.where(low_1 <= 0, np.maximum(high, high_2), high),
    )


def _side(one: np.ndarray, other: np.ndarray, together: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(one**2 + other**2 - 2 * together * one * other, 0.0))


def _correlation(
    bins: tuple[Bins, Bins], answers: tuple[Answers, Answers], errors: tuple[np.ndarray, ...]
) -> np.ndarray:
    """The correlation (s,) of the two plain errors over sets of images, where the gaps are scaled to these errors."""
    covariance, shared = _moments(bins, answers)
    n, signs, sizes, deviations, z, variances = bins[0].images.sum(1), [], [], [], [], []
    for one, error in zip(bins, errors, strict=True):
        size = np.abs(one.gap) * (error / np.maximum(one.error, _LEAST))[:, None]
        deviation = np.sqrt(one.variance)
        distance = np.minimum(size / deviation, _FARTHEST)
        first = 2 * _density(distance) + distance * (2 * ndtr(distance) - 1)
        spread = (size**2 * one.share).sum(1) - (size * one.share).sum(1) ** 2  # other images fall into other bins
        folded = np.maximum(1 + distance**2 - first**2, 0) * (deviation * one.share) ** 2
        variances.append(folded.sum(1) + np.maximum(spread, 0) / n)
        signs, sizes, z = [*signs, np.sign(one.gap)], [*sizes, size], [*z, distance]
        deviations.append(deviation * one.share)
    scale = deviations[0][:, :, None] * deviations[1][:, None, :]
    of_bins = np.clip(covariance / np.maximum(scale, _LEAST), -1, 1)
    sides = signs[0][:, :, None] * signs[1][:, None, :]
    total = (_folded_correlation(of_bins * sides, z[0][:, :, None], z[1][:, None, :]) * scale).sum((1, 2))
    means = [(size * one.share).sum(1) for size, one in zip(sizes, bins, strict=True)]
    total += ((shared * sizes[0][:, :, None] * sizes[1][:, None, :]).sum((1, 2)) - means[0] * means[1]) / n
    return np.clip(total / np.sqrt(np.maximum(variances[0] * variances[1], _LEAST**2)), -1, 1)


def _moments(bins: tuple[Bins, Bins], answers: tuple[Answers, Answers]) -> tuple[np.ndarray, np.ndarray]:
    """The covariance of each bin of the one network with each of the other's, of gaps times shares, and the share of
    the images that are in both: each (s, b, b)."""
    sets, n = answers[0][0].shape
    indices, rests = [], []
    for one, (confidence, right) in zip(bins, answers, strict=True):
        index = np.minimum((confidence * BINS).astype(int), BINS - 1)
        indices.append(index)
        rests.append(right - confidence - np.take_along_axis(one.gap, index, 1))
    cell = ((np.arange(sets)[:, None] * BINS + indices[0]) * BINS + indices[1]).ravel()
    shape, cells = (sets, BINS, BINS), sets * BINS * BINS
    covariance = np.bincount(cell, (rests[0] * rests[1]).ravel(), cells).reshape(shape) / n**2
    return covariance, np.bincount(cell, minlength=cells).reshape(shape) / n


def _folded_correlation(together: np.ndarray, z_1: np.ndarray, z_2: np.ndarray) -> np.ndarray:
    """The covariance of the sizes of two normal numbers of means z, deviation 1 and this correlation: the first four
    terms of Mehler's series."""
    total, power = np.zeros(np.broadcast_shapes(together.shape, z_1.shape, z_2.shape)), 1.0
    for order, (one, other) in enumerate(zip(_slopes(z_1), _slopes(z_2), strict=True), start=1):
        power = power * together / order
        total = total + power * one * other
    return total


def _slopes(z: np.ndarray) -> tuple[np.ndarray, ...]:
    """Means of the first four derivatives of the size of a normal number of mean z and deviation 1."""
    density = 2 * _density(z)
    return 2 * ndtr(z) - 1, density, -z * density, (z * z - 1) * density


def _density(z: np.ndarray) -> np.ndarray:
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
