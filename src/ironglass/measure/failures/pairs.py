"""Classes that are confused more often than their mistakes alone would have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ironglass.measure.failures.exact import upper_tail

LEAST_MISTAKES = 10
"""Mistakes of a class, of the other classes, and mistaken answers of a name, that a pair needs to be tested."""
LEAST_CLASSES = 4
"""Of three classes, a mistake has two names alone: how often one is named says nothing of the pair."""


@dataclass(frozen=True)
class PairTests:
    """Tests of pairs (true class, predicted class) with at least one mistake.

    confusion: int64 (k, k), mistakes by true class (row) and prediction (column); 0 on the diagonal.
    count: pairs that were tested; those without a mistake have p = 1 and are not listed.
    first, second: int64 (t,), true class and prediction of those listed.
    p: float64 (t,), one-sided exact p-values.
    """

    confusion: np.ndarray
    count: int
    first: np.ndarray
    second: np.ndarray
    p: np.ndarray


def pair_tests(labels: np.ndarray, predictions: np.ndarray, classes: int) -> PairTests:
    """Tests, for every pair of classes, whether images of the first that are named wrong are named as the second more
    often than other wrong images are.

    Compared are the mistakes of all classes but the two, without those that are named as the first, since images of the
    first cannot be named so by mistake. Where mistakes go to names by their popularity alone, this is Fisher's exact
    test on the safe side: the others have one name fewer to go to.

    labels, predictions: int64 (n,); a prediction of -1 is none.
    """
    wrong = (labels != predictions) & (predictions >= 0)
    cells = np.bincount(labels[wrong] * classes + predictions[wrong], minlength=classes * classes)
    confusion = cells.reshape(classes, classes)
    mistakes, answers = confusion.sum(1), confusion.sum(0)
    others = (mistakes.sum() - mistakes[:, None] - mistakes[None, :]) - (answers[:, None] - confusion.T)
    marked = np.broadcast_to(answers[None, :], confusion.shape)  # named as the second, by images of the first or others
    tested = (mistakes[:, None] >= LEAST_MISTAKES) & (others >= LEAST_MISTAKES) & (marked >= LEAST_MISTAKES)
    tested &= ~np.eye(classes, dtype=bool) & (classes >= LEAST_CLASSES)
    first, second = np.nonzero(tested & (confusion > 0))
    cells = (first, second)
    drawn = mistakes[first]
    p_values = upper_tail(confusion[cells], drawn, marked[cells], drawn + others[cells])
    return PairTests(confusion, int(tested.sum()), first, second, p_values)
