"""Trials of intervals that treat classes: areas below curves, balanced accuracy, slices."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from itertools import product

import numpy as np
from interval_trials import Held, Trial
from scipy.stats import binom, norm

from ironglass.measure.classes.areas import average_precisions, roc_areas
from ironglass.measure.classes.balanced import balanced_interval
from ironglass.measure.statistics import difference_of_rates, widened_rate

SUPPORTS = [(5, 95), (10, 90), (20, 80), (50, 50), (15, 285), (60, 240), (50, 950), (300, 700), (500, 9500)]
AREAS = (0.5, 0.7, 0.9, 0.95, 0.99)
SPREADS = (0.5, 1.0, 2.0)
"""Deviation of the scores of the class, in the others'."""
SLICES = (30, 50, 120, 300, 1000)
RESTS = (30, 100, 900, 3000)
ACCURACIES = (0.5, 0.7, 0.85, 0.95, 0.99)
ROUNDING = 1e-12


def roc_trials() -> Iterator[Trial]:
    for support, auc, deviation in product(SUPPORTS, AREAS, SPREADS):
        yield _area(support, auc, deviation, is_roc=True)


def pair_trials() -> Iterator[Trial]:
    """Areas of images against one made of each, whose scores are correlated with theirs."""
    for n, auc, correlation in product((60, 120, 300, 1000), (0.5, 0.7, 0.9), (0.0, 0.5, 0.9)):
        shift = norm.ppf(auc) * 2**0.5

        def draw(sets: int, draws: np.random.Generator, n=n, auc=auc, correlation=correlation, shift=shift) -> Held:
            shared = correlation**0.5 * draws.normal(size=(sets, n))
            first, second = (shared + (1 - correlation) ** 0.5 * draws.normal(size=(sets, n)) for _ in range(2))
            areas = roc_areas(first + shift, second, paired=True)
            return Held((areas.low <= auc) & (auc <= areas.high), areas.widened)

        yield Trial(f"{n} pairs, AUC {auc}, correlation {correlation}", 2 * n, draw)


def average_precision_trials() -> Iterator[Trial]:
    for support, auc, deviation in product(SUPPORTS, AREAS, SPREADS):
        if auc > 0.5 or deviation > 0.5:  # else worse than no knowledge where it counts
            yield _area(support, auc, deviation, is_roc=False)


def _area(support: tuple[int, int], auc: float, deviation: float, *, is_roc: bool) -> Trial:
    m, others = support
    shift = norm.ppf(auc) * np.hypot(1, deviation)
    truth = auc if is_roc else true_precision(m / (m + others), shift, deviation)
    function = roc_areas if is_roc else average_precisions

    def draw(sets: int, draws: np.random.Generator) -> Held:
        areas = function(draws.normal(shift, deviation, (sets, m)), draws.normal(size=(sets, others)))
        return Held((areas.low <= truth) & (truth <= areas.high), areas.widened)

    return Trial(f"{m} of {m + others}, AUC {auc}, deviation {deviation}", m + others, draw)


def true_precision(share: float, shift: float, deviation: float) -> float:
    """The average precision of endlessly many images."""
    z = np.linspace(-9, 9, 200_001)
    found, false = share * norm.sf(z), (1 - share) * norm.sf(shift + deviation * z)
    return float((found / (found + false) * norm.pdf(z)).sum() * (z[1] - z[0]))


def balanced_trials() -> Iterator[Trial]:
    supports = [(950, 50), (95, 5), (80, 20), (50, 50), (30,) * 10, (10,) * 100, (9000, 1000)]
    for support, best, worst in product(supports, (0.7, 0.95), (0.5, 0.7, 0.9)):
        accuracies = np.linspace(best, worst, len(support))

        def draw(sets: int, draws: np.random.Generator, support: tuple = support, accuracies=accuracies) -> Held:
            right, truth = draws.binomial(support, accuracies, (sets, len(support))), accuracies.mean()
            low, high, widened = balanced_interval(right, np.broadcast_to(support, right.shape))
            return Held((low <= truth + ROUNDING) & (truth - ROUNDING <= high), widened)

        yield Trial(f"{support[:3]}, {best} to {worst}", sum(support), draw)


def slice_trials() -> Iterator[Trial]:
    """Exact: sums over all counts of right images of the slice, and of the rest."""
    for n, accuracy in product(SLICES, ACCURACIES):
        yield Trial(f"accuracy of {n}, {accuracy}", n, partial(_slice, n, accuracy), exact=True)
    for n, rest, accuracy, other in product(SLICES, RESTS, ACCURACIES, ACCURACIES):
        name = f"difference of {n}, {accuracy}, and {rest}, {other}"
        yield Trial(name, n + rest, partial(_difference, n, rest, accuracy, other), exact=True)


@cache
def _rates(n: int) -> tuple[tuple[dict, bool], ...]:
    return tuple(widened_rate(right, n) for right in range(n + 1))  # pyright: ignore[reportReturnType]


def _slice(n: int, accuracy: float, _sets: int, _draws: np.random.Generator) -> Held:
    chance = binom.pmf(np.arange(n + 1), n, accuracy)
    held = np.array([rate["low"] <= accuracy <= rate["high"] for rate, _ in _rates(n)])
    return Held(chance[held].sum(), chance[[widened for _, widened in _rates(n)]].sum())


@cache
def _ends(n: int) -> np.ndarray:
    return np.array([[rate["value"], rate["low"], rate["high"]] for rate, _ in _rates(n)]).T


def _difference(n: int, rest: int, accuracy: float, other: float, _sets: int, _draws: np.random.Generator) -> Held:
    first, second = (
        dict(zip(("value", "low", "high"), ends, strict=True), n=m)
        for ends, m in ((_ends(n)[:, :, None], n), (_ends(rest)[:, None, :], rest))
    )
    value = first["value"] - second["value"]
    low = value - np.hypot(first["value"] - first["low"], second["high"] - second["value"])
    high = value + np.hypot(first["high"] - first["value"], second["value"] - second["low"])
    middle = n // 2, rest // 2  # written for whole tables at once: as the package's own
    own = difference_of_rates(_rates(n)[middle[0]][0], _rates(rest)[middle[1]][0])  # pyright: ignore
    assert np.allclose([own["low"], own["high"]], [low[middle], high[middle]])
    chance = binom.pmf(np.arange(n + 1), n, accuracy)[:, None] * binom.pmf(np.arange(rest + 1), rest, other)
    few = np.array([widened for _, widened in _rates(n)])[:, None] | [widened for _, widened in _rates(rest)]
    truth = accuracy - other
    return Held(chance[(low <= truth + ROUNDING) & (truth - ROUNDING <= high)].sum(), chance[few].sum())
