"""Calibration: whether a network is as often right as it is sure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ironglass.measure.confidence.calibration_error import BINS, binned, corrected_error
from ironglass.measure.confidence.paired_errors import corrected_differences
from ironglass.measure.statistics import Rate, mean_interval


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

    def error(self) -> float:
        """The plain gap, uncorrected (Guo et al. 2017, arXiv 1706.04599): how far accuracy lies from mean confidence
        within each bin of confidence, averaged over the images."""
        return float(binned(*self.as_one_set).error[0])

    @property
    def as_one_set(self) -> tuple[np.ndarray, np.ndarray]:
        """Confidences (1, n) and right answers, bool (1, n)."""
        return np.asarray(self.confidence, dtype=np.float64)[None], np.asarray(self.right, dtype=bool)[None]


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

    The value is the difference of the two corrected errors, with the interval of `corrected_differences`.
    """
    n = len(first.right)
    if len(second.right) != n:
        raise ValueError(f"not paired: {n} and {len(second.right)} images")
    low, value, high = (float(part[0]) for part in corrected_differences(first.as_one_set, second.as_one_set))
    ece = Rate(value=value, low=max(low, -1.0), high=min(high, 1.0), n=n)
    difference: dict[str, Any] = {"ece": ece, "brier": None}
    if first.brier is not None and second.brier is not None:
        less = np.asarray(second.brier, dtype=np.float64) - first.brier
        difference["brier"] = mean_interval(less, within=(-2.0, 2.0))
    return difference
