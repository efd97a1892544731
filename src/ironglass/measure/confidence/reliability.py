"""Reliability of confidences: bins, the corrected calibration error, and the parts of the Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.measure.calibration import BINS, RESAMPLES, SEED
from ironglass.measure.statistics import Rate, wilson

_STEPS = 16
_LEAST = 1e-12


def reliability_bins(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Mean confidence and accuracy of the images of each bin of confidence that has any, the least sure first.

    confidence: (n,) from 0 to 1. right: bool (n,).
    """
    index = np.minimum((np.asarray(confidence, dtype=np.float64) * BINS).astype(int), BINS - 1)
    images = np.bincount(index, minlength=BINS)
    sure, hits = np.bincount(index, confidence, BINS), np.bincount(index, right, BINS)
    return [
        {
            "low": i / BINS,
            "high": (i + 1) / BINS,
            "confidence": float(sure[i] / images[i]),
            "accuracy": wilson(int(hits[i]), int(images[i])),
        }
        for i in np.flatnonzero(images)
    ]


def corrected_error(confidence: np.ndarray, right: np.ndarray) -> Rate:
    """Expected calibration error without what chance adds to it, with its 95 % interval by the parametric bootstrap.

    Even of a perfectly calibrated network the error of n images is above 0. The value is the error of which half of all
    sets of n images would show a larger one than here; the ends are those of which 2.5 % would show as small, or as
    large, a one. An error says nothing of how it lies over the bins: it is taken to lie as here, and along a line
    through the bins, and the wider ends are kept.

    confidence: (n,) from 0 to 1. right: bool (n,).
    """
    bins = _Bins(np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool))
    shapes = [shape for shape in (bins.gaps, bins.gaps_on_a_line()) if np.abs(shape).sum() > _LEAST]
    ends = [[bins.error_at(quantile, shape) for shape in shapes] or [0.0] for quantile in (0.975, 0.5, 0.025)]
    low, value, high = min(ends[0]), ends[1][0], max(ends[2])
    if np.all(right):  # nothing varies where all are sure of it, too; the accuracy may be lower all the same
        high = max(high, float(bins.sure @ bins.share) - wilson(bins.n, bins.n)["low"])
    return Rate(value=value, low=min(low, value), high=max(high, value), n=bins.n)


class _Bins:
    """Bins of confidence with the gap between accuracy and confidence in each, times its share of the images."""

    def __init__(self, confidence: np.ndarray, right: np.ndarray) -> None:
        index = np.minimum((confidence * BINS).astype(int), BINS - 1)
        self.n, self.images = len(right), np.bincount(index, minlength=BINS)
        self.share = self.images / self.n
        self.sure = np.bincount(index, confidence, BINS) / np.maximum(self.images, 1)
        self.gaps = np.bincount(index, right - confidence, BINS) / self.n
        self.draws = np.random.default_rng(SEED).standard_normal((RESAMPLES, BINS))

    def gaps_on_a_line(self) -> np.ndarray:
        """The gaps if they rose or fell evenly with the confidence: the weighted least-squares fit."""
        used = self.images > 0
        weight = np.sqrt(self.share[used])
        lines = np.stack([np.ones(len(weight)), self.sure[used]], 1) * weight[:, None]
        start, slope = np.linalg.lstsq(lines, self.gaps[used] / self.share[used] * weight, rcond=None)[0]
        return self.share * (start + slope * self.sure)

    def error_at(self, quantile: float, shape: np.ndarray) -> float:
        """The true error, lying over the bins as `shape`, of which this quantile of all sets of images shows no larger
        an error than here; from 0 to 1."""
        shape, error, low, high = shape / np.abs(shape).sum(), float(np.abs(self.gaps).sum()), 0.0, 1.0
        if self._error_quantile(0 * shape, quantile) >= error:
            return 0.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self._error_quantile(middle * shape, quantile) < error else (low, middle)
        return high

    def _error_quantile(self, gaps: np.ndarray, quantile: float) -> float:
        """A quantile of the errors that sets of so many images show where these are the true gaps."""
        rate = np.clip(self.sure + gaps / np.maximum(self.share, _LEAST), 0, 1)
        rate = (rate * self.images + 0.5) / (self.images + 1)
        noise = np.sqrt(rate * (1 - rate) * self.images) / self.n
        return float(np.quantile(np.abs(gaps + noise * self.draws).sum(1), quantile))


def brier_parts(shares: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The Brier score as reliability - resolution + uncertainty (Murphy 1973, J. Appl. Meteorol. 12:595), over all
    classes and `BINS` bins of probability.

    What varies within a bin counts to the resolution (Stephenson, Coelho & Jolliffe 2008, Weather Forecast. 23:752), so
    that the parts add up exactly.

    shares: (n, k) probabilities. labels: int (n,).
    """
    n, k = shares.shape
    parts = np.zeros(3)
    for i in range(k):
        share, is_class = shares[:, i].astype(np.float64), (labels == i).astype(np.float64)
        index = np.minimum((share * BINS).astype(int), BINS - 1)
        images = np.bincount(index, minlength=BINS)
        counts = np.maximum(images, 1)
        mean, rate = np.bincount(index, share, BINS) / counts, np.bincount(index, is_class, BINS) / counts
        common = is_class.mean()
        within = (share - mean[index]) @ (2 * is_class - share - mean[index]) / n
        parts += [
            images @ (mean - rate) ** 2 / n,
            images @ (rate - common) ** 2 / n + within,
            common * (1 - common),
        ]
    return dict(zip(("reliability", "resolution", "uncertainty"), map(float, parts), strict=True))
