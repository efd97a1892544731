"""Trials of intervals on confidences: calibration error and its difference, coverage of sets, risk at 90 % coverage."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from itertools import product

import numpy as np
from interval_trials import Held, Trial
from scipy.special import betaincinv, ndtr

from ironglass.measure.confidence.calibration_error import BINS, binned, error_interval
from ironglass.measure.confidence.conformal import conformal, least_share
from ironglass.measure.confidence.paired_errors import corrected_differences
from ironglass.measure.confidence.selective import selective_risk

CONFIDENCES = {
    "high": (8, 1.5, 0.1),
    "sharp": (20, 0.7, 0.1),
    "even": (1, 1, 0.1),
    "middle": (3, 3, 0.1),
    "two classes": (2, 2, 0.5),
    "two classes, sharp": (0.5, 0.4, 0.5),
}
"""Of a beta distribution both parameters, and the smallest confidence."""
ERRORS = [
    ("none", 0.0),
    ("shift", 0.02),
    ("shift", 0.05),
    ("shift", 0.15),
    ("temperature", 0.7),
    ("temperature", 0.5),
    ("under", 0.4),
    ("waves", 0.05),
    ("waves", 0.12),
    ("top", 0.05),
]
IMAGES = (100, 300, 1000, 10_000)
Network = tuple[str, str, float]
"""Kind of confidences, kind of error, and its size."""
PAIRS: list[tuple[Network, Network]] = [
    (("high", "none", 0.0), ("high", "none", 0.0)),
    (("high", "shift", 0.02), ("high", "shift", 0.02)),
    (("high", "shift", 0.05), ("high", "shift", 0.02)),
    (("high", "shift", 0.15), ("high", "shift", 0.05)),
    (("high", "shift", 0.15), ("high", "none", 0.0)),
    (("high", "temperature", 0.5), ("high", "temperature", 0.7)),
    (("sharp", "temperature", 0.5), ("high", "none", 0.0)),
    (("sharp", "shift", 0.05), ("sharp", "waves", 0.05)),
    (("even", "shift", 0.05), ("high", "shift", 0.05)),
    (("two classes", "temperature", 0.7), ("two classes, sharp", "temperature", 0.5)),
    (("high", "top", 0.05), ("high", "shift", 0.05)),
    (("even", "under", 0.4), ("middle", "waves", 0.12)),
]
CORRELATIONS = [(0.8, 0.3), (0.97, 0.95)]
"""Of the two networks' confidences, and of what makes them right, both as normal numbers."""
RANKS = 65_536


def chances(sure: np.ndarray, off: str, size: float) -> np.ndarray:
    """True chances to be right."""
    if off == "temperature":
        odds = np.log(np.clip(sure, 1e-9, 1 - 1e-9) / np.clip(1 - sure, 1e-9, 1))
        return 1 / (1 + np.exp(-size * odds))
    changes = {
        "none": 0,
        "shift": -size,
        "under": size * (1 - sure),
        "waves": size * np.sign(np.sin(40 * sure)),
        "top": -size * (sure > 0.9),
    }
    return np.clip(sure + changes[off], 0, 1)


@cache
def quantiles(kind: str) -> np.ndarray:
    """All confidences of this kind, each as likely as any other: (RANKS,)."""
    first, second, least = CONFIDENCES[kind]
    return least + (1 - least) * betaincinv(first, second, (np.arange(RANKS) + 0.5) / RANKS)


def answers(kind: str, off: str, size: float, ranks: np.ndarray, luck: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Confidences of these ranks, and which answers are right, by numbers from 0 to 1."""
    sure = quantiles(kind)
    return sure[ranks], luck < chances(sure, off, size)[ranks]


@cache
def true_error(kind: str, off: str, size: float) -> float:
    return plain_error(quantiles(kind), chances(quantiles(kind), off, size))


def plain_error(sure: np.ndarray, chance: np.ndarray) -> float:
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, chance - sure)).sum()) / len(sure)


def error_trials() -> Iterator[Trial]:
    for kind, (off, size), n in product(CONFIDENCES, ERRORS, IMAGES):
        truth = true_error(kind, off, size)

        def draw(sets: int, draws: np.random.Generator, kind=kind, off=off, size=size, n=n, truth=truth) -> Held:
            ranks = draws.integers(RANKS, size=(sets, n), dtype=np.uint16)
            low, high = error_interval(binned(*answers(kind, off, size, ranks, draws.random((sets, n)))))
            return Held((low <= truth) & (truth <= high), low <= 0)

        yield Trial(f"{kind}, {off} {size}, n = {n:,}: {truth:.3f}", n, draw)


def difference_trials() -> Iterator[Trial]:
    """Two networks on the same images, and the same network before and after its temperature is mended."""
    for pair, correlation, n in product(PAIRS, CORRELATIONS, (300, 3000)):
        name = " and ".join(f"{kind} {off} {size}" for kind, off, size in pair)
        yield Trial(f"{name}, correlated {correlation}, n = {n:,}", n, partial(_pair, pair, correlation, n))
    for size, after, n in product((0.3, 0.5, 0.7), (0.8, 1.2), (300, 3000)):
        yield Trial(f"temperature {size}, {after} of it mended, n = {n:,}", n, partial(_mended, size, after, n))


def _pair(
    pair: tuple[Network, Network], correlation: tuple[float, float], n: int, sets: int, draws: np.random.Generator
) -> Held:
    ranks, luck = (_correlated(draws, (sets, n), part) for part in correlation)
    networks = []
    for (kind, off, size), rank, chance in zip(pair, ranks, luck, strict=True):
        networks.append(answers(kind, off, size, np.minimum((rank * RANKS).astype(int), RANKS - 1), chance))
    return _differs(networks, true_error(*pair[1]) - true_error(*pair[0]))


def _mended(size: float, after: float, n: int, sets: int, draws: np.random.Generator) -> Held:
    """A network of odds that are too large by a power, and the same with odds to a power of 0.8 or 1.2 of the right."""
    chance = quantiles("two classes")
    both = [chances(chance, "temperature", 1 / power) for power in (size, after)]
    ranks = draws.integers(RANKS, size=(sets, n), dtype=np.uint16)
    right = draws.random((sets, n)) < chance[ranks]
    before, mended = (plain_error(sure, chance) for sure in both)
    return _differs([(sure[ranks], right) for sure in both], mended - before)


def _differs(networks: list[tuple[np.ndarray, np.ndarray]], truth: float) -> Held:
    low, _, high = corrected_differences(networks[0], networks[1])
    at_none = np.logical_or(*(error_interval(binned(*one))[0] <= 0 for one in networks))
    return Held((low <= truth) & (truth <= high), at_none)


def _correlated(
    draws: np.random.Generator, shape: tuple[int, int], correlation: float
) -> tuple[np.ndarray, np.ndarray]:
    first, other = draws.standard_normal((2, *shape))
    return ndtr(first), ndtr(correlation * first + np.sqrt(1 - correlation**2) * other)


def coverage_trials() -> Iterator[Trial]:
    """The share of new images that the sets cover, of these very sets."""
    for n, calibrated, shape in product((50, 150, 500, 3000), (50, 500), (1.5, 3.0)):

        def draw(sets: int, draws: np.random.Generator, n=n, calibrated=calibrated, shape=shape) -> Held:
            rows = []
            for _ in range(sets):
                least = least_share(draws.beta(3, 1, calibrated))
                entry, truth = conformal(draws.beta(shape, 1, n), np.ones(n), calibrated, least), 1 - least**shape
                rows.append((entry["coverage"]["low"] <= truth <= entry["coverage"]["high"], "widened" in entry))
            return Held(*np.array(rows).T)

        yield Trial(f"{n:,} images, {calibrated} calibrated, exponent {shape}", n, draw)


def risk_trials() -> Iterator[Trial]:
    for kind, n in product(CONFIDENCES, (100, 300, 1000, 5000)):
        truth = float((1 - quantiles(kind)[RANKS // 10 :]).mean())

        def draw(sets: int, draws: np.random.Generator, kind=kind, n=n, truth=truth) -> Held:
            rows = []
            for _ in range(sets):
                ranks = draws.integers(RANKS, size=n)
                risk, widened = selective_risk(*answers(kind, "none", 0.0, ranks, draws.random(n)))
                rows.append((risk["low"] <= truth <= risk["high"], widened))
            return Held(*np.array(rows).T)

        yield Trial(f"{kind}, n = {n:,}: {truth:.3f}", n, draw)
