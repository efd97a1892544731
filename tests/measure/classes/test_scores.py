"""Our counts against scikit-learn's."""

import re

import numpy as np
import pytest
from sklearn.metrics import classification_report, confusion_matrix, precision_recall_fscore_support

from ironglass.measure.classes.scores import classification_text, count_by_class


@pytest.mark.filterwarnings("ignore:A single label was found")  # also where it is told the labels, as here
@pytest.mark.parametrize("k", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("case", ["plain", "classes without images", "not judged", "nothing right"])
def test_they_are_scikit_learns(k: int, case: str) -> None:
    generator = np.random.default_rng(k)
    labels = generator.integers(0, k, 60)
    predictions = np.where(generator.random(60) < 0.6, labels, generator.integers(0, k, 60))
    if case == "classes without images":
        labels[labels >= (k + 1) // 2] = 0
    if case == "not judged":
        predictions[::7] = -1
    if case == "nothing right":
        predictions = (labels + 1) % k if k > 1 else np.full(60, -1)
    counts = count_by_class(labels, predictions, k)
    assert np.array_equal(counts.confusion, confusion_matrix(labels, predictions, labels=range(k)))
    *scores, support = precision_recall_fscore_support(labels, predictions, labels=range(k), zero_division=0.0)
    assert np.array_equal(counts.scores, scores)
    assert np.array_equal(counts.labelled, support)
    names = [f"{'long ' * (i % 4)}class {i}" for i in range(k)]
    present = np.flatnonzero(support)
    words = {"labels": present, "target_names": [names[i] for i in present], "digits": 3, "zero_division": 0.0}
    # scikit-learn counts images in decimals where nothing is right
    theirs = re.sub(
        r"\d+\.0$",
        lambda n: f"{float(n[0]):.0f}".rjust(len(n[0])),
        classification_report(labels, predictions, **words),
        flags=re.MULTILINE,
    )
    assert classification_text(counts, names) == theirs
