"""Reliability of confidences: bins, and the parts of the Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.measure.confidence.calibration_error import BINS
from ironglass.measure.statistics import counted_rate


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
            "accuracy": counted_rate(int(hits[i]), int(images[i])),
        }
        for i in np.flatnonzero(images)
    ]


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
