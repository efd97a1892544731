"""Likely shapes of a calibration error over the bins of confidence, drawn from their posterior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 24
SEED = 0
_SPREADS = np.geomspace(0.004, 0.3, 13)
"""Standard deviations of gaps that are tried, around a line or around 0."""
_START, _SLOPE = 0.3, 0.6
"""Standard deviations, before any image is seen, of the line's gap at the mean confidence and of its slope."""
_SURE = 50.0


@dataclass(frozen=True)
class Bins:
    """Bins of confidence of sets of images, each array of shape (s, b).

    images: of each bin.
    sure: mean confidence, 0 in a bin without images.
    gap: accuracy less mean confidence.
    """

    images: np.ndarray
    sure: np.ndarray
    gap: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Each bin's share of the images."""
        return self.images / self.images.sum(1, keepdims=True)

    @property
    def variance(self) -> np.ndarray:
        """Of the gaps; a bin in which all is right, or all wrong, has some, too."""
        accuracy = self.sure + self.gap
        rate = (accuracy * self.images + self.sure) / (self.images + 1)
        return np.maximum(rate * (1 - rate), 0.25 / (self.images + 1)) / np.maximum(self.images, 1)

    @property
    def error(self) -> np.ndarray:
        """The plain error (s,): mean size of the gaps over the images."""
        return np.abs(self.gap * self.share).sum(1)


def drawn_shapes(bins: Bins, *, sparse: bool) -> np.ndarray:
    """Likely gaps, times the bins' shares and scaled to an error of 1: (s, DRAWS, b).

    Gaps lie around a line through the confidences, in a spread that is unknown (a hierarchical normal model: Gelman et
    al. 2013, Bayesian Data Analysis, ch. 5); where `sparse`, it may be, too, that half of the bins have none at all.
    """
    lines, line_weight = _lines(bins)
    spreads, logs = np.concatenate([[0.0], _SPREADS]), line_weight - np.log(1 + len(_SPREADS))
    if sparse:
        spreads = np.concatenate([spreads, _SPREADS])
        logs = np.concatenate([logs, _sparse_weight(bins) - np.log(len(_SPREADS))], 1)
    weights = np.exp(logs - logs.max(1, keepdims=True))
    steps = np.cumsum(weights / weights.sum(1, keepdims=True), 1)
    pick = (steps[:, None, :] < ((np.arange(DRAWS) + 0.5) / DRAWS)[:, None]).sum(2).clip(max=len(spreads) - 1)
    is_sparse = (pick > len(_SPREADS))[:, :, None]
    draws = np.random.default_rng(SEED)
    normal, chance = (
        draws.standard_normal((DRAWS, bins.images.shape[1] + 2)),
        draws.random((DRAWS, bins.images.shape[1])),
    )
    centre = np.where(is_sparse, 0.0, lines.drawn(np.where(pick > len(_SPREADS), 0, pick), normal[:, :2]))
    gap, noise, spread = bins.gap[:, None, :], bins.variance[:, None, :], spreads[pick][:, :, None] ** 2
    reliance = spread / (spread + noise)
    has_gap = np.where(is_sparse, chance < _share_with_gap(gap, noise, spread), True)
    shapes = (
        has_gap
        * (centre + reliance * (gap - centre) + np.sqrt(reliance * noise) * normal[:, 2:])
        * bins.share[:, None, :]
    )
    return shapes / np.maximum(np.abs(shapes).sum(2, keepdims=True), 1e-12)


@dataclass(frozen=True)
class _Lines:
    """Likely lines of each set and spread: mean (s, t, 2), and the lower triangle of the covariance's root (s, t, 3);
    distance: (s, b) of each bin's confidence from the mean one."""

    mean: np.ndarray
    root: np.ndarray
    distance: np.ndarray

    def drawn(self, pick: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """A line for each draw (s, DRAWS, b), of the spread that is picked."""
        mean, root = (np.take_along_axis(values, pick[:, :, None], 1) for values in (self.mean, self.root))
        start = mean[..., 0] + root[..., 0] * normal[:, 0]
        slope = mean[..., 1] + root[..., 1] * normal[:, 0] + root[..., 2] * normal[:, 1]
        return start[:, :, None] + slope[:, :, None] * self.distance[:, None, :]


def _lines(bins: Bins) -> tuple[_Lines, np.ndarray]:
    """Lines by spread, 0 the first, and the logarithm of how well each spread fits (s, t)."""
    used = (bins.images > 0)[:, None, :]
    x = (bins.sure - (bins.sure * bins.share).sum(1, keepdims=True))[:, None, :]
    spread = np.concatenate([[0.0], _SPREADS])[:, None] ** 2
    weight, gap = used / (bins.variance[:, None, :] + spread), bins.gap[:, None, :]
    a, b, c = 1 / _START**2 + weight.sum(2), (weight * x).sum(2), 1 / _SLOPE**2 + (weight * x * x).sum(2)
    p, q, determinant = (weight * gap).sum(2), (weight * x * gap).sum(2), a * c - b * b
    mean = np.stack([c * p - b * q, a * q - b * p], 2) / determinant[:, :, None]
    first = np.sqrt(c / determinant)
    second = -b / determinant / first
    third = np.sqrt(np.maximum(a / determinant - second**2, 0))
    fit = np.log(np.where(used, weight, 1)).sum(2) - np.log(determinant) - (weight * gap * gap).sum(2)
    fit = 0.5 * (fit + p * mean[..., 0] + q * mean[..., 1]) - np.log(_START * _SLOPE)
    return _Lines(mean, np.stack([first, second, third], 2), x[:, 0]), fit


def _sparse_weight(bins: Bins) -> np.ndarray:
    """The logarithm of how well each spread fits if half of the bins have no gap: (s, t)."""
    noise, spread = bins.variance[:, None, :], _SPREADS[:, None] ** 2
    size = bins.gap[:, None, :] ** 2
    both = sum(0.5 * np.exp(-0.5 * size / part) / np.sqrt(part) for part in (noise, noise + spread))
    return np.log(np.where(bins.images[:, None, :] > 0, both, 1) + 1e-300).sum(2)


def _share_with_gap(gap: np.ndarray, noise: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The probability that a bin has a gap, where half of them have."""
    odds = 0.5 * gap**2 * (1 / noise - 1 / (noise + spread))
    odds = np.sqrt(noise / (noise + spread)) * np.exp(np.minimum(odds, _SURE))
    return odds / (1 + odds)
