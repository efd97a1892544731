"""Answers withheld where the network is least sure: coverage, and the risk of the answers that are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.measure.statistics import Rate, widened_rate

COVERAGE = 0.9
"""Share of the images that are answered, for which the risk is given as a number."""
POINTS = 51


def selective_risk(confidence: np.ndarray, right: np.ndarray, coverage: float = COVERAGE) -> tuple[Rate, bool]:
    """The share of wrong answers among the surest ones (El-Yaniv & Wiener 2010, JMLR 11) with its 95 % interval, and
    whether that is widened, see `widened_rate`.

    Of images that are as sure as the last one answered, each counts in part.

    confidence: (n,) from 0 to 1. right: bool (n,). coverage: share of the images that are answered, above 0.
    """
    answered = max(1, round(coverage * len(right)))
    return widened_rate(min(float(_wrong(confidence, right)[answered - 1]), answered), answered)


def risk_curve(confidence: np.ndarray, right: np.ndarray) -> list[list[float]]:
    """Points (coverage, risk), the surest answers first."""
    wrong, n = _wrong(confidence, right), len(right)
    answered = np.unique(np.linspace(1, n, min(POINTS, n)).round().astype(int))
    return [[round(float(m / n), 6), round(float(np.clip(wrong[m - 1] / m, 0, 1)), 6)] for m in answered]


def selective(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """The entry `selective` of the results."""
    threshold = float(np.sort(confidence)[::-1][max(1, round(COVERAGE * len(right))) - 1])
    risk, widened = selective_risk(confidence, right)
    return {
        "coverage": COVERAGE,
        "threshold": min(threshold, 1.0),
        "risk": risk,
        "curve": risk_curve(confidence, right),
        **({"widened": True} if widened else {}),  # as results leave out what has its default
    }


def _wrong(confidence: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Wrong answers among the m surest, for every m: (n,); the mean over all orders of equally sure ones."""
    order = np.argsort(-np.asarray(confidence, dtype=np.float64), kind="stable")
    sure, wrong = np.asarray(confidence)[order], (~np.asarray(right, dtype=bool))[order].astype(np.float64)
    _, first, images = np.unique(-sure, return_index=True, return_counts=True)
    means = np.add.reduceat(wrong, first) / images
    return np.cumsum(np.repeat(means, images))
