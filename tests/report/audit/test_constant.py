"""A network that names one class, or does no better than if it did, is called so before anything else is said."""

from typing import Any

import numpy as np
import pytest

from ironglass.measure.accuracy import naming
from ironglass.measure.statistics import wilson
from ironglass.report.audit.constant import constant_lines, constant_words
from ironglass.report.page.model_card import model_card
from ironglass.report.page.summary import plain_words

CLASSES = ("cat", "dog")


def judged(confusion: list[list[int]], classes: tuple[str, ...] = CLASSES) -> dict[str, Any]:
    """`accuracy` and `naming` of a confusion matrix, rows the true classes."""
    pairs = [(i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) for _ in range(n)]
    labels, predictions = (np.array(side) for side in zip(*pairs, strict=True))
    right = int((labels == predictions).sum())
    return {"split": "test", "accuracy": wilson(right, len(labels)), "naming": naming(labels, predictions, classes),
            "confusion": confusion}  # fmt: skip


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
    said = constant_words(judged(confusion))
    assert said.startswith("It " if says else "")
    assert says in said
    assert bool(said) == bool(says)


def test_an_old_run_without_the_numbers_says_nothing() -> None:
    assert constant_words({"accuracy": wilson(5, 10)}) == ""
    assert constant_lines({}) == []


def test_it_stands_first_wherever_a_run_is_put_into_words() -> None:
    results: dict[str, Any] = {"evaluation": judged([[50, 0], [50, 0]])}
    assert plain_words(results, list(CLASSES))[0].startswith("It names one class, “cat”")
    card = model_card(recipe={"name": "x"}, results=results)
    assert 0 < card.index("names one class") < card.index("## Results")
    both = {"before": judged([[45, 5], [5, 45]]), "after": judged([[0, 50], [0, 50]])}
    assert constant_lines({"hardening": {"evaluations": both}})[0].startswith(
        "After hardening it names one class, “dog”"
    )
    arms = [{"label": "fgsm", "evaluation": both["after"]}, {"label": "base", "evaluation": None}]
    assert constant_lines({"comparison": {"arms": arms}})[0].startswith("The network 'fgsm' names one class")
    row = {"name": "t", "measured": both["after"]["accuracy"], "naming": both["after"]["naming"]}
    swept = {"rows": [row], "recommended": {"trial": "t"}}
    assert constant_lines({"sweep": swept})[0].startswith("The recommended network names one class")
