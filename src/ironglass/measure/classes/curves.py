"""One class against the rest: receiver operating characteristic, precision and recall, and the areas below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ironglass.measure.classes.areas import Areas, average_precisions, roc_areas
from ironglass.measure.statistics import Rate

POINTS = 51
"""Points of a curve that are recorded, at most."""
CURVES = 20
"""Classes up to which the curves themselves are recorded; of more, the areas alone."""


@dataclass(frozen=True)
class OneAgainstRest:
    """Scores of the images of a class, and of the others.

    positive: (m,), at least 1. negative: (l,), at least 1.
    """

    positive: np.ndarray
    negative: np.ndarray

    def area(self) -> tuple[Rate, bool]:
        """Area below the ROC curve with its 95 % interval, and whether that is widened, see `roc_areas`."""
        return self._rate(roc_areas(self.positive, self.negative))

    def average_precision(self) -> tuple[Rate, bool]:
        """Mean precision at the images of the class with its 95 % interval, and whether that is widened, see
        `average_precisions`."""
        return self._rate(average_precisions(self.positive, self.negative))

    def _rate(self, area: Areas) -> tuple[Rate, bool]:
        n = len(self.positive) + len(self.negative)
        rate = Rate(value=float(area.value), low=float(area.low), high=float(area.high), n=n)
        return rate, bool(area.widened)

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
        areas = {"roc_auc": curve.area(), "average_precision": curve.average_precision()}
        drawn = len(classes) <= CURVES
        widened = [name for name, (_, is_widened) in areas.items() if is_widened]
        rows.append(
            {
                "class": name,
                "share": float(positive.mean()),
                **{name: area for name, (area, _) in areas.items()},
                "roc": curve.roc() if drawn else [],
                "precision_recall": curve.precision_recall() if drawn else [],
                **({"widened": widened} if widened else {}),  # as results leave out what has its default
            }
        )
    return rows


def _last_of_ties(scores: np.ndarray) -> np.ndarray:
    """Positions of the last image of each score, in a sorted list of them."""
    return np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)


def _thinned(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    """At most `POINTS` of the points, about evenly along the curve, the first and the last among them."""
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    points = np.unique(np.searchsorted(length, np.linspace(0, length[-1] * (1 - 1e-12), POINTS)))
    return [[round(float(x[i]), 6), round(float(y[i]), 6)] for i in points]
