"""Areas whose interval is widened are named, and no others."""

import numpy as np

from ironglass.measure.classes import areas
from ironglass.measure.classes.by_class import by_class
from ironglass.report.evaluation.class_words import FEWEST, balanced_words, widened_words
from ironglass.results.codec import from_dict
from ironglass.results.evaluation.by_class import ByClass, Curve
from ironglass.results.numbers import Mean


def curve(name: str, *widened: str) -> Curve:
    area = Mean(value=0.9, low=0.8, high=0.95, n=100)
    return Curve(
        class_=name,
        share=0.1,
        roc_auc=area,
        average_precision=area,
        roc=(),
        precision_recall=(),
        widened=widened,  # pyright: ignore[reportArgumentType]
    )


def test_areas_that_are_widened_are_named() -> None:
    assert FEWEST == areas.FEWEST
    assert widened_words([curve("ant"), curve("bee")]) == ""
    text = widened_words(
        [curve("ant", "roc_auc", "average_precision"), curve("bee", "average_precision"), curve("cat")]
    )
    assert text.startswith("Too few positives for an interval")
    assert "AUC of “ant”; AP of “ant”, “bee”." in text
    assert "AUC of every class." in widened_words([curve("ant", "roc_auc"), curve("bee", "roc_auc")])
    assert "and 2 more" in widened_words([curve(str(i), "roc_auc") for i in range(8)] + [curve("last")])


def test_a_balanced_accuracy_whose_interval_is_widened_says_so() -> None:
    labels = np.array([0] * 95 + [1] * 5)
    for n, widened in ((2, True), (40, False)):
        predictions = np.where(np.arange(100 * n) % 2, np.tile(labels, n), 0)
        numbers = by_class(np.tile(labels, n), predictions, None, ("a", "b"))
        assert numbers.get("balanced_widened", False) == widened
        assert ("it is widened" in balanced_words(from_dict(ByClass, numbers, file="a test"))) == widened
    assert balanced_words(None) == ""
