"""One class against the rest: receiver operating characteristic, precision and recall, and the areas below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from ironglass.measure.statistics import Rate

POINTS = 51
"""Points of a curve that are recorded, at most."""
CURVES = 20
"""Classes up to which the curves themselves are recorded; of more, the areas alone."""
MANY_ERRORS = 20.0
MANY_POSITIVES = 100
_Z = NormalDist().inv_cdf(0.975)
_STEPS = 45


@dataclass(frozen=True)
class OneAgainstRest:
    """Scores of the images of a class, and of the others.

    positive: (m,), at least 1. negative: (l,), at least 1.
    """

    positive: np.ndarray
    negative: np.ndarray

    def area(self) -> Rate:
        """Area below the ROC curve with its 95 % interval: the chance that an image of the class has the higher score.

        DeLong's interval (1988, Biometrics 44:837) of its logit; where few pairs are in the wrong order, which that
        interval takes for knowledge, it is widened to hold Newcombe's score interval (2006, Stat. Med. 25:559, method
        5), too.
        """
        from scipy.stats import rankdata  # late: it takes seconds to import

        m, others = len(self.positive), len(self.negative)
        ranks = rankdata(np.concatenate([self.positive, self.negative]))
        above = (ranks[:m] - rankdata(self.positive)) / others
        below = 1 - (ranks[m:] - rankdata(self.negative)) / m
        value = float(above.mean())
        variance = sum(part.var(ddof=1) / len(part) for part in (above, below) if len(part) > 1)
        least = 0.5 / (m * others)
        low, high = _by_logit(min(max(value, least), 1 - least), float(variance))
        if 2 * min(m, others) * min(value, 1 - value) < MANY_ERRORS or min(m, others) < 2:
            ends = _newcombe(value, m, others)
            low, high = min(low, ends[0]), max(high, ends[1])
        return _rate(value, low, high, m + others)

    def average_precision(self) -> Rate:
        """Mean precision at the images of the class, the area below the precision-recall curve, with its 95 % interval.

        The interval is of its logit, by how much each image moves it; of few images of the class it is widened to hold
        the one of Boyd, Eng & Page (2013, ECML), too.
        """
        labels, order = self._ranked()
        m, n = len(self.positive), len(labels)
        precision, ranks = self._precision(labels, order)
        value = float((precision * labels).sum() / m)
        gained = np.cumsum((labels * (1 - precision) / ranks)[::-1])[::-1]
        lost = np.cumsum((labels * precision / ranks)[::-1])[::-1]
        moved = np.where(labels == 1, precision - value + gained, -lost) * n / m
        variance = sum(
            moved[labels == side].var(ddof=1) * (labels == side).sum() / n**2
            for side in (0, 1)
            if (labels == side).sum() > 1
        )
        centre = min(max(value, 0.25 / m), 1 - 0.25 / m)
        low, high = _by_logit(centre, float(variance))
        if m < MANY_POSITIVES:
            ends = _by_logit(centre, centre * (1 - centre) / m)
            low, high = min(low, ends[0]), max(high, ends[1])
        return _rate(value, low, high, n)

    def roc(self) -> list[list[float]]:
        """Points (false-positive rate, true-positive rate) of the curve, from (0, 0) to (1, 1)."""
        labels, order = self._ranked()
        last = _last_of_ties(order)
        right = np.cumsum(labels)[last] / len(self.positive)
        wrong = np.cumsum(1 - labels)[last] / len(self.negative)
        return [[0.0, 0.0], *_thinned(wrong, right)]

    def precision_recall(self) -> list[list[float]]:
        """Points (recall, precision) of the curve, from the highest score on."""
        labels, order = self._ranked()
        last = _last_of_ties(order)
        right = np.cumsum(labels)[last]
        return _thinned(right / len(self.positive), right / (last + 1))

    def _ranked(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels (1 for the class) and scores, the highest score first."""
        scores = np.concatenate([self.positive, self.negative]).astype(np.float64)
        labels = np.concatenate([np.ones(len(self.positive)), np.zeros(len(self.negative))])
        order = np.argsort(-scores, kind="stable")
        return labels[order], scores[order]

    @staticmethod
    def _precision(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Precision at each image's score, ties taken together, and the number of images with as high a score."""
        last = _last_of_ties(scores)
        ends = last[np.searchsorted(last, np.arange(len(labels)))]
        ranks = ends + 1.0
        return np.cumsum(labels)[ends] / ranks, ranks


def one_against_rest(shares: np.ndarray, labels: np.ndarray, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Areas, and curves where classes are few, of every class that has images and is not all of them.

    shares: (n, k) probabilities. labels: int (n,).
    """
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(classes):
        positive = labels == i
        if not positive.any() or positive.all():
            continue
        curve = OneAgainstRest(shares[positive, i], shares[~positive, i])
        drawn = len(classes) <= CURVES
        rows.append(
            {
                "class": name,
                "share": float(positive.mean()),
                "roc_auc": curve.area(),
                "average_precision": curve.average_precision(),
                "roc": curve.roc() if drawn else [],
                "precision_recall": curve.precision_recall() if drawn else [],
            }
        )
    return rows


def _by_logit(value: float, variance: float) -> tuple[float, float]:
    half = _Z * np.sqrt(variance) / (value * (1 - value))
    centre = np.log(value / (1 - value))
    low, high = (1 / (1 + np.exp(-(centre + end))) for end in (-half, half))
    return float(low), float(high)


def _newcombe(value: float, m: int, others: int) -> tuple[float, float]:
    """The areas from which this one lies less than 1.96 standard errors away."""
    half_n = (m + others) / 2 - 1

    def is_near(area: float) -> bool:
        spread = 1 + half_n * (1 - area) / (2 - area) + half_n * area / (1 + area)
        return abs(value - area) <= _Z * np.sqrt(area * (1 - area) * spread / (m * others))

    return _farthest(value, 0.0, is_near), _farthest(value, 1.0, is_near)


def _farthest(near: float, far: float, is_near: Callable[[float], bool]) -> float:
    for _ in range(_STEPS):
        middle = (near + far) / 2
        near, far = (middle, far) if is_near(middle) else (near, middle)
    return near


def _last_of_ties(scores: np.ndarray) -> np.ndarray:
    """Positions of the last image of each score, in a sorted list of them."""
    return np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)


def _thinned(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    """At most `POINTS` of the points, about evenly along the curve, the first and the last among them."""
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    points = np.unique(np.searchsorted(length, np.linspace(0, length[-1] * (1 - 1e-12), POINTS)))
    return [[round(float(x[i]), 6), round(float(y[i]), 6)] for i in points]


def _rate(value: float, low: float, high: float, n: int) -> Rate:
    return Rate(value=value, low=min(max(low, 0.0), value), high=max(min(high, 1.0), value), n=n)
