"""Rates with their uncertainty, and paired comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from scipy.special import betaincinv, stdtrit

if TYPE_CHECKING:
    from torch import Tensor

FEWEST = 8
"""Right images, and wrong ones, below which an interval of a share is widened where it says so, see `widened_rate`."""


class Rate(TypedDict):
    """A share of n images with its 95 % interval, as in `results.json`."""

    value: float
    low: float
    high: float
    n: int


def wilson(successes: float, n: int) -> Rate:
    """A rate with its 95 % score interval (Wilson 1927, JASA 22:209).

    Unlike the normal approximation it stays inside [0, 1] and is not empty at 0 or n successes.

    successes: how many; no whole number where each image counts by a share.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} successes of {n}")
    z = NormalDist().inv_cdf(0.975)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # at the ends the closed form gives 0 and 1 but for rounding
    return Rate(
        value=share,
        low=0.0 if successes == 0 else float(centre - half),
        high=1.0 if successes == n else float(centre + half),
        n=n,
    )


def exact_ends(successes: np.ndarray | float, n: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the exact 95 % interval of a share (Clopper & Pearson 1934, Biometrika 26:404), which holds the share
    95 times in 100 or more often.

    successes, n: (...), no whole numbers where images count by a share.
    """
    successes, rest = np.asarray(successes, dtype=np.float64), np.asarray(n - successes, dtype=np.float64)
    none, all_ = successes <= 1e-9, rest <= 1e-9
    low = betaincinv(np.where(none, 1.0, successes), rest + 1, 0.025)
    high = betaincinv(successes + 1, np.where(all_, 1.0, rest), 0.975)
    return np.where(none, 0.0, low), np.where(all_, 1.0, high)


def widened_rate(successes: float, n: int) -> tuple[Rate, bool]:
    """A rate with its 95 % interval, and whether that is widened: to hold both the score interval and the exact one.

    Near 0 and 1 the score interval holds the share of some sizes in 84 of 100 sets of images, be they ever so many. It
    is within 93 to 97 where `FEWEST` images are right and as many wrong, and is widened where they are fewer.

    successes: as of `wilson`.
    """
    rate = wilson(successes, n)
    if min(successes, n - successes) >= FEWEST:
        return rate, False
    low, high = exact_ends(successes, n)
    return Rate(value=rate["value"], low=min(rate["low"], float(low)), high=max(rate["high"], float(high)), n=n), True


def counted_rate(successes: float, n: int) -> Rate:
    """A rate with the 95 % interval that all shares of images have, see `widened_rate`: the same of n has the same
    interval in every section.

    successes: as of `wilson`.
    """
    return widened_rate(successes, n)[0]


def rate_of(flags: np.ndarray | Tensor) -> Rate:
    """The share of true flags, bool (n,), with its 95 % interval, see `counted_rate`."""
    return counted_rate(int(flags.sum()), len(flags))


def mean_interval(values: np.ndarray, *, within: tuple[float, float] = (-np.inf, np.inf)) -> Rate:
    """The mean over images with its 95 % interval by Student's t; the plain mean where n is 1.

    within: range of the numbers, to which the interval is clipped.
    """
    values = np.asarray(values, dtype=np.float64)
    n = len(values)
    mean = float(values.mean())
    if n < 2:
        return Rate(value=mean, low=mean, high=mean, n=n)
    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / np.sqrt(n)
    low, high = within
    return Rate(value=mean, low=float(max(mean - half, low)), high=float(min(mean + half, high)), n=n)


def share_interval(shares: np.ndarray) -> Rate:
    """The mean of one share an image with its 95 % interval by Student's t, or that of a count where all are alike.

    Equal shares, and a single one, have no spread: Student's interval would be empty, as if the rate were known for
    certain. Shares vary at most as images that are right or wrong do, so that the interval of a count is none too
    narrow.

    shares: (n,), in [0, 1].
    """
    shares = np.asarray(shares, dtype=np.float64)
    if np.ptp(shares) == 0:
        return counted_rate(float(shares[0]) * len(shares), len(shares))
    return mean_interval(shares, within=(0, 1))


def paired_difference(first: np.ndarray, second: np.ndarray) -> Rate:
    """The share right in the second condition less that in the first, on the same images, with its 95 % interval.

    The interval is Wald's with half an image added to each of the four kinds of pairs (Agresti and Min 2005, Statist.
    Med. 24:729), so that it is not empty where no image differs.

    first, second: (n,), right or wrong.
    """
    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if first.shape != second.shape or not len(first):
        raise ValueError(f"not paired: {first.shape} and {second.shape}")
    lost, gained = float((first & ~second).sum()), float((second & ~first).sum())
    n, centre = len(first) + 2, (gained - lost) / (len(first) + 2)
    half = NormalDist().inv_cdf(0.975) * np.sqrt((gained + lost + 1) - (gained - lost) ** 2 / n) / n
    value = (gained - lost) / len(first)
    return Rate(value=value, low=float(max(centre - half, -1.0)), high=float(min(centre + half, 1.0)), n=len(first))


def difference_of_rates(first: Rate, second: Rate) -> Rate:
    """The first share less the second, of two groups that share no image, with its 95 % interval (Newcombe 1998,
    Statist. Med. 17:873, method 10).

    first, second: with their own intervals, see `counted_rate`.
    """
    value = first["value"] - second["value"]
    low = value - np.hypot(first["value"] - first["low"], second["high"] - second["value"])
    high = value + np.hypot(first["high"] - first["value"], second["value"] - second["low"])
    return Rate(value=value, low=float(low), high=float(high), n=first["n"] + second["n"])


class McNemar(TypedDict):
    """Difference of two conditions on the same images.

    only_first, only_second: images that are right in this condition alone.
    p: exact two-sided p-value.
    """

    only_first: int
    only_second: int
    p: float


def mcnemar(first: np.ndarray, second: np.ndarray) -> McNemar:
    """McNemar's exact test on paired right/wrong flags of the same images (McNemar 1947, Psychometrika 12:153)."""
    from scipy.stats import binomtest  # late: it takes seconds to import and few need it

    first, second = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if first.shape != second.shape:
        raise ValueError(f"not paired: {first.shape} and {second.shape}")
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    total = only_first + only_second
    p = 1.0 if total == 0 else float(binomtest(only_first, total).pvalue)
    return McNemar(only_first=only_first, only_second=only_second, p=p)


def holm(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Flags of the tests that are significant at the family-wise level (Holm 1979, Scand. J. Statist. 6:65).

    The chance that any true null hypothesis is rejected stays below the level. Raises ValueError for a p-value outside
    [0, 1], NaN among them: it would be sorted anywhere.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError(f"p-values lie in [0, 1], these are {list(p_values)}")
    stands = [False] * len(p_values)
    for rank, test in enumerate(sorted(range(len(p_values)), key=lambda test: p_values[test])):
        if p_values[test] > level / (len(p_values) - rank):
            break
        stands[test] = True
    return stands


def holm_adjusted(p_values: np.ndarray, *, tests: int) -> np.ndarray:
    """The p-values corrected by Holm (1979, Scand. J. Statist. 6:65), float64, in their order, at most 1: those of at
    most 0.05 are significant at the family-wise level of 5 %.

    tests: how many tests were made; those that are not among the p-values have the largest of all.
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    if len(p_values) > tests or not bool(((p_values >= 0) & (p_values <= 1)).all()):
        raise ValueError(f"{len(p_values)} p-values of {tests} tests, which lie in [0, 1]")
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * (tests - np.arange(len(p_values)))))
    return adjusted
