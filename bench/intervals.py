"""Coverage of the 95 % intervals of areas below curves, of the calibration error and of balanced accuracy.

    OMP_NUM_THREADS=1 .venv/bin/python bench/intervals.py [--sets 1000] [--kinds auc,ap,ece,balanced] [--all]

Draws sets of images whose truth is known, from 100 to 10,000 images, and prints how often the interval holds it: a row
a kind, or, with --all, a row a case, too. Where an interval says itself that it is widened, or the truth is at the
boundary, the case counts apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.stats import norm

from ironglass.measure.classes.areas import average_precisions, roc_areas
from ironglass.measure.classes.balanced import balanced_interval
from ironglass.measure.confidence.calibration_error import BINS, binned, corrected_errors

SEED = 0
ELEMENTS = 2_000_000
"""Scores that are drawn at a time."""
SUPPORTS = [(5, 95), (10, 90), (20, 80), (50, 50), (15, 285), (60, 240), (50, 950), (300, 700), (500, 9500)]
AREAS = (0.5, 0.7, 0.9, 0.95, 0.99)
SPREADS = (0.5, 1.0, 2.0)
"""Deviation of the scores of the class, in the others'."""
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


@dataclass(frozen=True)
class Case:
    """One case. name: in words. covered: share of the sets whose interval holds the truth. apart: share of the sets
    whose interval is widened, or 1 where the truth is at the boundary."""

    name: str
    covered: float
    apart: float


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", type=int, default=1000, help="sets of images a case")
    options.add_argument("--kinds", default="auc,ap,ece,balanced", help="which intervals")
    options.add_argument("--all", action="store_true", help="a row a case, too")
    given = options.parse_args()
    kinds = {"auc": curves, "ap": curves, "ece": calibration_errors, "balanced": balanced}
    print("| interval | cases | sets a case | held, lowest to highest | within 93 to 97 % | cases apart | held there |")
    print("| --- | --: | --: | --- | --: | --: | --- |", flush=True)
    for kind in given.kinds.split(","):
        cases = list(kinds[kind](kind, given.sets))
        plain, apart = ([case for case in cases if (case.apart > 0.1) == side] for side in (False, True))
        within = sum(0.93 <= case.covered <= 0.97 for case in plain)
        held = spread(apart) if apart else "–"
        print(f"| {kind} | {len(plain)} | {given.sets:,} | {spread(plain)} | {within} | {len(apart)} | {held} |")
        for case in cases if given.all else ():
            print(f"    {case.name}: {100 * case.covered:.1f} %, apart {100 * case.apart:.0f} %", flush=True)


def spread(cases: list[Case]) -> str:
    held = [100 * case.covered for case in cases]
    return f"{min(held):.1f} to {max(held):.1f} %"


def curves(kind: str, sets: int) -> Iterator[Case]:
    for (m, others), auc, deviation in product(SUPPORTS, AREAS, SPREADS):
        if kind == "ap" and auc == 0.5 and deviation == 0.5:
            continue  # worse than no knowledge where it counts
        shift, draws = norm.ppf(auc) * np.hypot(1, deviation), np.random.default_rng(SEED)
        truth = auc if kind == "auc" else true_precision(m / (m + others), shift, deviation)
        function = roc_areas if kind == "auc" else average_precisions
        held, widened, rest = 0, 0, sets
        while rest:
            count = min(rest, max(1, ELEMENTS // (m + others)))
            areas = function(draws.normal(shift, deviation, (count, m)), draws.normal(size=(count, others)))
            held += int(((areas.low <= truth) & (truth <= areas.high)).sum())
            widened, rest = widened + int(areas.widened.sum()), rest - count
        yield Case(f"{m} of {m + others}, AUC {auc}, deviation {deviation}", held / sets, widened / sets)


def true_precision(share: float, shift: float, deviation: float) -> float:
    """The average precision of endlessly many images."""
    z = np.linspace(-9, 9, 200_001)
    found, false = share * norm.sf(z), (1 - share) * norm.sf(shift + deviation * z)
    return float((found / (found + false) * norm.pdf(z)).sum() * (z[1] - z[0]))


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


def calibration_errors(kind: str, sets: int) -> Iterator[Case]:
    for (name, (first, second, least)), (off, size), n in product(CONFIDENCES.items(), ERRORS, IMAGES):
        sure = least + (1 - least) * np.random.default_rng(9).beta(first, second, 1_000_000)
        bins = np.minimum((sure * BINS).astype(int), BINS - 1)
        gaps = np.bincount(bins, chances(sure, off, size) - sure)
        truth, draws = (0.0 if off == "none" else float(np.abs(gaps).sum()) / len(sure)), np.random.default_rng(SEED)
        held, rest = 0, sets
        while rest:
            count = min(rest, max(1, ELEMENTS // n), 500)
            sure = least + (1 - least) * draws.beta(first, second, (count, n))
            low, _, high = corrected_errors(binned(sure, draws.random((count, n)) < chances(sure, off, size)))
            held, rest = held + int(((low <= truth) & (truth <= high)).sum()), rest - count
        yield Case(f"{name}, {off} {size}, n = {n:,}: {truth:.3f}", held / sets, float(off == "none"))


def balanced(kind: str, sets: int) -> Iterator[Case]:
    supports = [(950, 50), (95, 5), (50, 50), (30,) * 10, (10,) * 100, (9000, 1000)]
    for support, best, worst in product(supports, (0.7, 0.95), (0.5, 0.7)):
        accuracies = np.linspace(best, worst, len(support))
        right = np.random.default_rng(SEED).binomial(support, accuracies, (sets, len(support)))
        low, high = balanced_interval(right, np.broadcast_to(support, right.shape))
        truth = accuracies.mean()
        yield Case(f"{support[:3]}, {best} to {worst}", float(((low <= truth) & (truth <= high)).mean()), 0.0)


if __name__ == "__main__":
    main()
