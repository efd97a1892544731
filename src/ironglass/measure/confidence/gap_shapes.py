"""Likely gaps between accuracy and confidence in the bins of confidence, drawn from their posterior."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

DRAWS = 24
SEED = 0
_SPREADS = np.geomspace(0.004, 0.3, 13)
"""Standard deviations of gaps that are tried, around a line."""
_START, _SLOPE = 0.3, 0.6
"""Standard deviations, before any image is seen, of the line's gap at the mean confidence and of its slope."""


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


@dataclass(frozen=True)
class DrawnGaps:
    """Likely gaps, which can be moved to any error.

    drawn: gaps times the bins' shares, (s, DRAWS, b).
    ease: how far a gap times share moves beside others, its variance: (s, b).
    """

    drawn: np.ndarray
    ease: np.ndarray

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The move of all that leaves a gap 0, the last one's first; the ease of the gaps left before it; and the error
        after it: each (s, DRAWS, b)."""
        ease = np.broadcast_to(self.ease[:, None, :], self.drawn.shape)
        reach = np.abs(self.drawn) / np.maximum(ease, 1e-300)
        order = np.argsort(-reach, axis=2)
        reach, ease = (np.take_along_axis(values, order, 2) for values in (reach, ease))
        left = np.cumsum(ease, 2)
        return reach, left, np.cumsum(ease * reach, 2) - left * reach

    def moved(self, error: np.ndarray) -> np.ndarray:
        """The gaps times shares (s, DRAWS, b) of this error (s,) that are likeliest beside those that were drawn: all
        grow, or shrink as far as 0, by their variances, as Lagrange's rule has it."""
        sizes, error = np.abs(self.drawn), error[:, None]
        total = sizes.sum(2)
        reach, left, errors = self._order
        last = np.maximum((errors < error[:, :, None]).sum(2) - 1, 0)[:, :, None]
        reach, left, nearest = (np.take_along_axis(values, last, 2)[:, :, 0] for values in (reach, left, errors))
        shrunk = (error - nearest) / np.maximum(left, 1e-300) - reach
        grown = (error - total) / np.maximum(self.ease.sum(1)[:, None], 1e-300)
        move = np.where(error < total, shrunk, grown)[:, :, None] * self.ease[:, None, :]
        return np.where(self.drawn < 0, -1.0, 1.0) * np.maximum(sizes + move, 0.0)

    def scaled(self, error: np.ndarray) -> np.ndarray:
        """The gaps times shares (s, DRAWS, b), scaled alike to this error (s,)."""
        return self.drawn * (error[:, None] / np.maximum(np.abs(self.drawn).sum(2), 1e-12))[:, :, None]


def drawn_gaps(bins: Bins) -> DrawnGaps:
    """Likely gaps. They lie around a line through the confidences, in a spread that is unknown (a hierarchical normal
    model: Gelman et al. 2013, Bayesian Data Analysis, ch. 5)."""
    lines, logs = _lines(bins)
    spreads = np.concatenate([[0.0], _SPREADS])
    weights = np.exp(logs - logs.max(1, keepdims=True))
    steps = np.cumsum(weights / weights.sum(1, keepdims=True), 1)
    pick = (steps[:, None, :] < ((np.arange(DRAWS) + 0.5) / DRAWS)[:, None]).sum(2).clip(max=len(spreads) - 1)
    normal = np.random.default_rng(SEED).standard_normal((DRAWS, bins.images.shape[1] + 2))
    centre = lines.drawn(pick, normal[:, :2])
    gap, noise, spread = bins.gap[:, None, :], bins.variance[:, None, :], spreads[pick][:, :, None] ** 2
    reliance = spread / (spread + noise)
    gaps = centre + reliance * (gap - centre) + np.sqrt(reliance * noise) * normal[:, 2:]
    return DrawnGaps(gaps * bins.share[:, None, :], bins.share**2 * bins.variance)


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
