"""Calibration: whether a network is as often right as it is sure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ironglass.measure.confidence.calibration_error import BINS, corrected_error
from ironglass.measure.statistics import Rate, mean_interval

RESAMPLES = 1000
SEED = 0
"""Of the bootstrap, so that the same answers give the same interval."""
_CHUNK = 1024
_STEPS = 40


@dataclass(frozen=True)
class Confidences:
    """Confidences of a network in its answers, and which of these were right.

    confidence: (n,) probability of the predicted class, from 0 to 1.
    right: bool (n,).
    brier: (n,) Brier score of each image, from 0 to 2; None where it is not known.
    """

    confidence: np.ndarray
    right: np.ndarray
    brier: np.ndarray | None

    @cached_property
    def _bins(self) -> np.ndarray:
        """The bin of each image: int (n,)."""
        return np.minimum((np.asarray(self.confidence, dtype=np.float64) * BINS).astype(int), BINS - 1)

    @cached_property
    def _gaps(self) -> np.ndarray:
        """Accuracy less mean confidence of each bin, times its share of the images: (BINS,)."""
        gaps = np.asarray(self.right, dtype=np.float64) - self.confidence
        return np.bincount(self._bins, gaps, BINS) / len(gaps)

    @cached_property
    def _noise(self) -> np.ndarray:
        """By how much other images of the kind would move `_gaps`: (RESAMPLES, BINS), by the wild bootstrap (Liu 1988,
        Ann. Statist. 16:1696).

        Image i has the same multiplier in the noise of every network, so that pairs stay pairs. A bin's variance is at
        least that of right answers as likely as the confidences say: a bin in which all is right has noise, too.
        """
        right, confidence = np.asarray(self.right, dtype=np.float64), np.asarray(self.confidence, dtype=np.float64)
        n, images = len(right), np.bincount(self._bins, minlength=BINS)
        sure = np.bincount(self._bins, confidence, BINS) / np.maximum(images, 1)
        accuracy = (np.bincount(self._bins, right, BINS) + sure) / (images + 1)
        rest = right - accuracy[self._bins]
        observed = np.bincount(self._bins, rest**2, BINS)
        expected = np.bincount(self._bins, confidence * (1 - confidence), BINS)
        scale = np.sqrt(np.maximum(1.0, expected / np.maximum(observed, 1e-12)))
        spread = np.where(images > 0, scale, 0.0)[self._bins] * rest / n
        draws, noise = np.random.default_rng(SEED), np.zeros((RESAMPLES, BINS))
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            placed = np.zeros((len(spread[part]), BINS))
            placed[np.arange(len(placed)), self._bins[part]] = spread[part]
            noise += draws.standard_normal((RESAMPLES, len(placed))) @ placed
        return noise

    def error(self) -> float:
        """The plain gap, uncorrected (Guo et al. 2017, arXiv 1706.04599): how far accuracy lies from mean confidence
        within each bin of confidence, averaged over the images."""
        return float(np.abs(self._gaps).sum())

    def errors(self, scale: float) -> np.ndarray:
        """Errors that networks show whose true gaps are `scale` times those that were found here: (RESAMPLES,)."""
        return np.abs(scale * self._gaps + self._noise).sum(1)

    def scale_at(self, quantile: float) -> float:
        """The scale of the gaps at which an error as small as this one's is the `quantile` of `errors`, at least 0."""
        error, low, high = self.error(), 0.0, 1.0
        if np.quantile(self.errors(0.0), quantile) >= error:
            return 0.0
        while np.quantile(self.errors(high), quantile) < error and high < 1e3:
            high *= 2
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if np.quantile(self.errors(middle), quantile) < error else (low, middle)
        return high


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The Brier score of each image: the squared distance of the probabilities from 1 for the true class and 0 for the
    others (Brier 1950, Mon. Weather Rev. 78:1), from 0 to 2.

    probabilities: (n, k). labels: int (n,).
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    true = shares[np.arange(len(labels)), labels]
    return (shares**2).sum(1) - 2 * true + 1


def calibration(answers: Confidences) -> dict[str, Any]:
    """Calibration as it stands in `results.json`: `ece` with its interval, the plain `binned_gap`, `brier` (or None),
    mean `confidence`.

    The gap of few images is too large even where the network is perfectly calibrated, hence `corrected_error`.
    """
    brier = None if answers.brier is None else mean_interval(answers.brier, within=(0.0, 2.0))
    return {
        "bins": BINS,
        "ece": corrected_error(answers.confidence, answers.right),
        "binned_gap": answers.error(),
        "brier": brier,
        "confidence": mean_interval(answers.confidence, within=(0.0, 1.0)),
    }


def calibration_difference(first: Confidences, second: Confidences) -> dict[str, Any]:
    """Second less first, on the same images in the same order: of `ece` and of `brier` (or None), with 95 % intervals.

    The value is the difference of the two corrected errors. Two plain ones are too high by unlike amounts where the one
    network is better calibrated, and nobody knows by how much. The interval covers several answers: the basic bootstrap
    (Davison & Hinkley 1997), and those from gaps that are scaled down to where half, or all but 2.5 %, of the resamples
    show a smaller error.
    """
    if len(first.right) != len(second.right):
        raise ValueError(f"not paired: {len(first.right)} and {len(second.right)} images")
    n, plain = len(first.right), second.error() - first.error()
    value = (
        corrected_error(second.confidence, second.right)["value"]
        - corrected_error(first.confidence, first.right)["value"]
    )
    ends: list[float] = []
    likely, least = ([one.scale_at(quantile) for one in (first, second)] for quantile in (0.5, 0.975))
    for scales in ((1.0, 1.0), (likely[0], likely[1]), (least[0], likely[1]), (likely[0], least[1])):
        true = scales[1] * second.error() - scales[0] * first.error()
        moved = second.errors(scales[1]) - first.errors(scales[0]) - true
        ends += [plain - float(end) for end in np.quantile(moved, [0.975, 0.025])]
    low, high = min(ends), max(ends)
    difference: dict[str, Any] = {"ece": _around(value, low, high, n, within=(-1.0, 1.0)), "brier": None}
    if first.brier is not None and second.brier is not None:
        less = np.asarray(second.brier, dtype=np.float64) - first.brier
        difference["brier"] = mean_interval(less, within=(-2.0, 2.0))
    return difference


def _around(value: float, low: float, high: float, n: int, *, within: tuple[float, float]) -> Rate:
    low, high = min(low, value), max(high, value)
    return Rate(value=value, low=float(max(low, within[0])), high=float(min(high, within[1])), n=n)
