"""The numbers that treat every class alike, whatever its share of the images."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.measure.classes.agreement import answer_table, chance_of_matches, kappa
from ironglass.measure.classes.balanced import balanced_accuracy
from ironglass.measure.classes.curves import one_against_rest
from ironglass.measure.classes.scores import count_by_class
from ironglass.measure.statistics import counted_rate, paired_difference, rate_of

UNEVEN = 2.0
"""Classes are uneven where the largest has more than so many times the images of the others' mean."""
TOP = 5
TOP_CLASSES = 20
"""Classes from which the share of images is counted whose true class is among the `TOP` most probable."""


def is_uneven(support: np.ndarray) -> bool:
    """True where the largest class has more than `UNEVEN` times as many images as the others on average.

    support: int (k,) images of each class; classes without images do not count.
    """
    support = np.sort(support[support > 0])
    return len(support) > 1 and bool(support[-1] > UNEVEN * support[:-1].mean())


def by_class(
    labels: np.ndarray, predictions: np.ndarray, shares: np.ndarray | None, classes: tuple[str, ...]
) -> dict[str, Any]:
    """`evaluation.by_class` of `results.json`.

    labels: int (n,), at least one image. predictions: int (n,), -1 for an image that is not judged. shares: (n, k)
    probabilities; None where an image is not judged, and then there are no curves and no `top5`.
    """
    k = len(classes)
    support = np.bincount(labels, minlength=k)
    right = np.bincount(labels[predictions == labels], minlength=k)
    table = answer_table(labels, predictions, k)
    by_chance, chance_p = chance_of_matches(table)
    balanced, widened = balanced_accuracy(right, support)
    return {
        "uneven": is_uneven(support),
        "classes": int((support > 0).sum()),
        "balanced": balanced,
        **({"balanced_widened": True} if widened else {}),  # as results leave out what has its default
        **_averages(labels, predictions, k),
        "kappa": kappa(table),
        "by_chance": by_chance,
        "chance_p": chance_p,
        "over_commonest": paired_difference(labels == int(support.argmax()), predictions == labels),
        "accuracies": [
            {"class": name, "accuracy": counted_rate(int(right[i]), int(support[i])) if support[i] else None}
            for i, name in enumerate(classes)
        ],
        "top5": _top(shares, labels) if shares is not None and k >= TOP_CLASSES else None,
        "curves": None if shares is None else one_against_rest(shares, labels, classes),
    }


def _averages(labels: np.ndarray, predictions: np.ndarray, k: int) -> dict[str, Any]:
    """The rows "macro avg" and "weighted avg" of scikit-learn's report over the classes that have images."""
    averages = count_by_class(labels, predictions, k).averages
    return {name: dict(zip(("precision", "recall", "f1"), row.tolist(), strict=True)) for name, row in averages.items()}


def _top(shares: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The share of images whose true class is among the most probable; one as probable as others counts where fewer
    than `TOP` are more probable, or as probable and before it."""
    true = shares[np.arange(len(labels)), labels][:, None]
    before = np.arange(shares.shape[1]) < labels[:, None]
    return dict(rate_of(((shares > true) | ((shares == true) & before)).sum(1) < TOP))
