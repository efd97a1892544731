"""Areas below the curves of one class against the rest, with 95 % intervals, for many sets of images at once."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

from ironglass.measure.ranks import mean_ranks

FEWEST = 10
"""Images of the class, and effective errors, below which an interval is widened; so is that of an average precision
below as many degrees of freedom of its variance."""
_Z = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Areas:
    """Areas of sets of images, each array of shape (...).

    value: from 0 to 1.
    low: the interval's lower end.
    high: the interval's upper end.
    widened: true where the images are too few for an interval that covers the area 95 times in 100: it is then widened
        to the one of an area that depends on nothing but a coin for each image of the class.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    widened: np.ndarray


def roc_areas(positive: np.ndarray, negative: np.ndarray, *, paired: bool = False) -> Areas:
    """Areas below the ROC curve: the chance that an image of the class has a higher score than another image.

    DeLong's variance (1988, Biometrics 44:837), from which `_interval` follows; of pairs that of clusters of two
    (Obuchowski 1997, Biometrics 53:567).

    positive: (..., m) scores of the images of the class, m at least 1. negative: (..., l), of the others.
    paired: whether each of the others was made of the image of the class at its position, so that l is m.
    """
    m, others = positive.shape[-1], negative.shape[-1]
    ranks = mean_ranks(np.concatenate([positive, negative], -1))
    above = (ranks[..., :m] - mean_ranks(positive)) / others
    below = 1 - (ranks[..., m:] - mean_ranks(negative)) / m
    parts = (above + below,) if paired else (above, below)
    return _interval(above.mean(-1), parts, least=0.5 / (m * others), coins=min(m, others), freest=0)


def average_precisions(positive: np.ndarray, negative: np.ndarray) -> Areas:
    """Mean precision at the images of the class, the area below the precision-recall curve; ties taken together.

    The variance is that of how far each image moves it, from which `_interval` follows.

    positive: (..., m) scores of the images of the class, m at least 1. negative: (..., l), of the others.
    """
    m, others = positive.shape[-1], negative.shape[-1]
    scores = np.concatenate([positive, negative], -1).astype(np.float64)
    order = np.argsort(-scores, axis=-1, kind="stable")
    scores = np.take_along_axis(scores, order, -1)
    labels = (order < m).astype(np.float64)
    ends = _ends_of_ties(scores)
    ranks = ends + 1.0
    precision = np.take_along_axis(np.cumsum(labels, -1), ends, -1) / ranks
    value = (precision * labels).sum(-1) / m
    gained = _summed_from_below(labels * (1 - precision) / ranks)
    lost = _summed_from_below(labels * precision / ranks)
    moved = np.where(labels > 0, precision + gained, -lost * others / m)
    of_image = np.empty_like(moved)
    np.put_along_axis(of_image, order, moved, -1)
    return _interval(value, (of_image[..., :m], of_image[..., m:]), least=0.25 / m, coins=m, freest=FEWEST)


def _ends_of_ties(scores: np.ndarray) -> np.ndarray:
    """The last position of each score in sorted rows of them."""
    n = scores.shape[-1]
    is_last = np.ones(scores.shape, dtype=bool)
    is_last[..., :-1] = np.diff(scores, axis=-1) != 0
    last = np.where(is_last, np.arange(n), n - 1)
    return np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]


def _summed_from_below(values: np.ndarray) -> np.ndarray:
    return np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]


def _interval(value: np.ndarray, parts: tuple[np.ndarray, ...], *, least: float, coins: int, freest: int) -> Areas:
    """The interval of an area, from how far each image moves it.

    It is of the logit, by Student's t: the variance is itself estimated, and badly where few images move the area far,
    so its degrees of freedom are those that the kurtosis leaves it (after Satterthwaite 1946, Biometrics Bull. 2:110).
    Where images or errors are fewer than `FEWEST`, or the degrees of freedom fewer than `freest`, it is widened to hold
    the score interval (Wilson) of as many coins, whose variance no area exceeds. Errors are the images that would give
    this variance as coins, times the rarer of right and wrong.

    parts: (..., m) and (..., l) moves, of the images of the class and of the others; or those of pairs, summed.
    least: how near to 0 or 1 the logit is taken. coins: the images that count as coins.
    """
    variances, freedoms = zip(*map(_variance, parts), strict=True)
    variance = np.asarray(sum(variances))
    freedom = np.divide(
        variance**2,
        sum(part**2 / free for part, free in zip(variances, freedoms, strict=True)),
        out=np.ones_like(variance),
        where=variance > 0,
    )
    centre = np.clip(value, least, 1 - least)
    half = stdtrit(freedom, 0.975) * np.sqrt(variance) / (centre * (1 - centre))
    low, high = (1 / (1 + np.exp(np.clip(end - np.log(centre / (1 - centre)), -700, 700))) for end in (half, -half))
    errors = np.divide(
        value * (1 - value) * np.minimum(value, 1 - value), variance, out=np.zeros_like(variance), where=variance > 0
    )
    is_certain = (variance == 0) & (value > 0) & (value < 1)  # all images have one score
    widened = (errors < FEWEST) | (freedom < freest) | (coins < FEWEST)
    widened &= ~is_certain
    low, high = np.where(is_certain, value, low), np.where(is_certain, value, high)
    widest = _coin_interval(value, coins)
    low, high = np.where(widened, np.minimum(low, widest[0]), low), np.where(widened, np.maximum(high, widest[1]), high)
    return Areas(value, np.clip(np.minimum(low, value), 0, 1), np.clip(np.maximum(high, value), 0, 1), widened)


def _variance(moves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The variance of the mean of moves (..., n), and its degrees of freedom."""
    n = moves.shape[-1]
    if n < 2:
        return np.zeros(moves.shape[:-1]), np.ones(moves.shape[:-1])
    squares = (moves - moves.mean(-1, keepdims=True)) ** 2
    second, fourth = squares.mean(-1), (squares**2).mean(-1)
    kurtosis = np.divide(fourth, second**2, out=np.full_like(second, 3.0), where=second > 0)
    return second / (n - 1), 2 * n / np.maximum(kurtosis - 1, 2 * n / (n - 1))


def _coin_interval(share: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The score interval of shares of n images (Wilson 1927, JASA 22:209), as `measure.statistics.wilson`."""
    centre, half = share + _Z**2 / (2 * n), _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return (centre - half) / (1 + _Z**2 / n), (centre + half) / (1 + _Z**2 / n)
