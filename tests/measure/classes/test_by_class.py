"""Numbers by class: scikit-learn's rows, the rule for uneven classes, the five most probable."""

import numpy as np
import pytest
from sklearn.metrics import classification_report, top_k_accuracy_score

from ironglass.measure.classes.by_class import by_class, is_uneven
from ironglass.results.codec import from_dict
from ironglass.results.evaluation.by_class import ByClass

NAMES = tuple("abcde")


def test_the_rows_are_scikit_learn_s() -> None:
    draws = np.random.default_rng(0)
    labels, predictions = draws.choice(5, 200, p=[0.6, 0.2, 0.1, 0.1, 0]), draws.integers(0, 5, 200)
    numbers = by_class(labels, predictions, None, NAMES)
    present = np.unique(labels)
    report = classification_report(
        labels, predictions, labels=present, target_names=[NAMES[i] for i in present], output_dict=True,
        zero_division=0.0,
    )  # fmt: skip
    for row in ("macro", "weighted"):
        expected = report[f"{row} avg"]
        assert numbers[row] == pytest.approx(
            {"precision": expected["precision"], "recall": expected["recall"], "f1": expected["f1-score"]}
        )
    assert numbers["balanced"]["value"] == pytest.approx(report["macro avg"]["recall"])
    assert numbers["accuracies"][0]["accuracy"]["value"] == pytest.approx(report["a"]["recall"])
    assert numbers["accuracies"][4] == {"class": "e", "accuracy": None}
    assert (numbers["classes"], numbers["top5"], numbers["curves"]) == (4, None, None)
    assert from_dict(ByClass, numbers, file="").kappa.n == 200


@pytest.mark.parametrize(
    ("support", "uneven"),
    [
        ([95, 5], True), ([67, 33], True), ([66, 34], False), ([50, 50, 0], False), ([100], False), ([100, 0], False),
        ([20, 10, 10], False), ([21, 10, 10], True), ([980, 1135, 1032, 1010, 982, 892], False),
    ],
)  # fmt: skip
def test_the_rule_for_uneven_classes(support: list[int], uneven: bool) -> None:
    assert is_uneven(np.array(support)) is uneven


def test_the_five_most_probable_are_counted_from_twenty_classes_on() -> None:
    draws = np.random.default_rng(1)
    shares, labels = draws.dirichlet(np.ones(20), 300), draws.permutation(np.arange(300) % 20)
    names = tuple(map(str, range(20)))
    numbers = by_class(labels, shares.argmax(1), shares, names)
    assert numbers["top5"]["value"] == pytest.approx(top_k_accuracy_score(labels, shares, k=5))
    even = np.full((300, 20), 0.05)
    assert by_class(labels, even.argmax(1), even, names)["top5"]["value"] == pytest.approx(5 / 20)
    assert by_class(labels % 19, shares[:, :19].argmax(1), shares[:, :19], names[:19])["top5"] is None
