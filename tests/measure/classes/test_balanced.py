"""Balanced accuracy: its value as scikit-learn's, Wilson's interval for one class, and its cover in simulations."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from ironglass.measure.classes.balanced import balanced_accuracy, balanced_interval
from ironglass.measure.statistics import wilson


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (3, 7), (40, 50), (1, 1000)])
def test_of_one_class_it_is_wilson_s(right: int, n: int) -> None:
    ends = [float(end) for end in balanced_interval(np.array([right]), np.array([n]))]
    assert ends == pytest.approx([wilson(right, n)["low"], wilson(right, n)["high"]], abs=1e-9)


def test_the_value_is_scikit_learn_s_and_classes_without_images_do_not_count() -> None:
    draws = np.random.default_rng(0)
    labels, predictions = draws.choice(4, 300, p=[0.8, 0.1, 0.1, 0.0]), draws.integers(0, 3, 300)
    support = np.bincount(labels, minlength=4)
    balanced = balanced_accuracy(np.bincount(labels[labels == predictions], minlength=4), support)
    assert balanced["value"] == pytest.approx(balanced_accuracy_score(labels, predictions))
    assert balanced["n"] == 300
    with pytest.raises(ValueError, match="no class"):
        balanced_accuracy(np.zeros(2, dtype=int), np.zeros(2, dtype=int))


def test_all_wrong_and_all_right_are_not_certain() -> None:
    support = np.array([50, 3])
    low, high = balanced_interval(np.zeros(2), support)
    assert low == 0
    assert 0.05 < high < 0.4
    low, high = balanced_interval(support, support)
    assert 0.6 < low < 0.95
    assert high == 1


@pytest.mark.parametrize(
    ("support", "accuracies"),
    [
        ([950, 50], [0.99, 0.6]),
        ([95, 5], [0.98, 0.5]),
        ([50, 50], [0.5, 0.5]),
        ([30] * 10, np.linspace(0.5, 0.99, 10)),
        ([10] * 100, [0.98] * 100),
        ([5] * 200, [0.4] * 200),
    ],
)
def test_the_interval_covers(support: list[int], accuracies: list[float]) -> None:
    right = np.random.default_rng(1).binomial(support, accuracies, (2000, len(support)))
    low, high = balanced_interval(right, np.broadcast_to(support, right.shape))
    covered = ((low <= np.mean(accuracies)) & (np.mean(accuracies) <= high)).mean()
    assert 0.93 <= covered <= 0.97  # of 2000: 95 % is 93.8 to 96.0 by chance
