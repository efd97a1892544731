"""Split-conformal prediction: sets of classes that hold the true one with a promised probability."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaln

from ironglass.measure.statistics import mean_interval, rate_of, widened_rate

LEVEL = 0.9
"""Promised coverage: the share of images whose set holds the true class."""


def least_share(true_shares: np.ndarray, level: float = LEVEL) -> float:
    """The probability from which a class belongs to the set (Sadinle, Lei & Wasserman 2019, JASA 114:223).

    It is the smallest but so many of the true classes' probabilities on calibration images that a new image, drawn as
    they were (exchangeable with them), has its true class in the set with a probability of at least `level`. 0, so that
    every class belongs to every set, where the images are too few for that.

    true_shares: (n,) probability of the true class of every calibration image.
    """
    n = len(true_shares)
    allowed = int(np.floor((n + 1) * (1 - level) + 1e-9))  # images whose true class may be left out
    return 0.0 if allowed < 1 else float(np.sort(true_shares)[allowed - 1])


def coverage_probability(covered: int, n: int, calibrated: int, level: float = LEVEL) -> float:
    """The probability that so few of n new images, or fewer, are covered, where the promise holds.

    calibrated: calibration images. The share covered by one calibration varies by its images, too: the number is
    beta-binomial (Vovk 2012, arXiv 1209.2673).
    """
    allowed = int(np.floor((calibrated + 1) * (1 - level) + 1e-9))
    return 1.0 if allowed < 1 else _beta_binomial(covered, n, calibrated + 1 - allowed, allowed)


def _beta_binomial(most: int, n: int, first: float, second: float) -> float:
    """The probability of at most `most` of n under the beta-binomial law, as scipy.stats has it, which takes half a
    second to import."""
    if most >= n:
        return 1.0
    k = np.arange(most + 1)
    logarithms = -np.log(n + 1) - betaln(n - k + 1, k + 1) + betaln(k + first, n - k + second) - betaln(first, second)
    return float(np.exp(logarithms).sum())


def conformal(true_shares: np.ndarray, sizes: np.ndarray, calibrated: int, least: float) -> dict[str, Any]:
    """Coverage and size of the sets of test images, as they stand in the results. The interval is of the coverage of
    these very sets, whose threshold is kept; `p` allows for the chance in that, too.

    true_shares: (n,) probability of each image's true class. sizes: int (n,) classes of each set.
    """
    covered = true_shares >= least
    coverage, widened = widened_rate(int(covered.sum()), len(covered))
    return {
        "level": LEVEL,
        "calibrated": calibrated,
        "least_share": least,
        "coverage": coverage,
        "p": coverage_probability(int(covered.sum()), len(covered), calibrated),
        "size": mean_interval(sizes, within=(0.0, np.inf)),
        "empty": rate_of(np.asarray(sizes) == 0),
        **({"widened": True} if widened else {}),  # as results leave out what has its default
    }
