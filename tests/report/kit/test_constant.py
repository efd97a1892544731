"""A network that names one class, or does no better than if it did, is called so before anything else is said."""

import numpy as np
import pytest

from ironglass.measure.accuracy import naming
from ironglass.measure.statistics import wilson
from ironglass.report.kit.constant import constant_words
from ironglass.results.evaluation import Naming
from ironglass.results.numbers import Rate

CLASSES = ("cat", "dog")


def judged(confusion: list[list[int]]) -> tuple[Rate, Naming]:
    """Accuracy and naming of a confusion matrix, rows the true classes."""
    pairs = [(i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) for _ in range(n)]
    labels, predictions = (np.array(side) for side in zip(*pairs, strict=True))
    right = int((labels == predictions).sum())
    return Rate(**wilson(right, len(labels))), Naming(**naming(labels, predictions, CLASSES))


@pytest.mark.parametrize(
    ("confusion", "says"),
    [
        ([[50, 0], [50, 0]], "names one class, “cat”, for 100.0\u202f% of the images, whatever they show: 50.0"),
        ([[48, 2], [44, 6]], "names one class, “cat”, for 92.0\u202f% of the images, nearly whatever"),
        ([[1, 69], [1, 29]], "names one class, “dog”, for 98.0"),
        ([[30, 20], [35, 15]], "is no better than always naming the commonest class, “cat”: that would get 50.0"),
        ([[60, 30], [10, 0]], "is no better than always naming the commonest class, “cat”: that would get 90.0"),
        ([[95, 0], [5, 0]], "is no better than always naming the commonest class"),  # all but a few are cats
        ([[30, 20], [23, 27]], "may be no better than always naming the commonest class"),
        ([[45, 5], [5, 45]], ""),
        ([[940, 10], [0, 50]], ""),  # most are cats, and it knows the dogs
    ],
)
def test_the_sentence_follows_from_the_numbers(confusion: list[list[int]], says: str) -> None:
    said = constant_words(*judged(confusion))
    assert said.startswith("It " if says else "")
    assert says in said
    assert bool(said) == bool(says)
