"""Balanced accuracy: its value as scikit-learn's, Wilson's interval for one class, and its cover in simulations."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import balanced_accuracy_score

from ironglass.measure.classes.balanced import balanced_accuracy, balanced_interval, score_interval
from ironglass.measure.statistics import wilson


@pytest.mark.parametrize(("right", "n"), [(0, 5), (5, 5), (3, 7), (40, 50), (1, 1000)])
def test_of_one_class_it_is_wilson_s(right: int, n: int) -> None:
    ends = [float(end) for end in score_interval(np.array([right]), np.array([n]))]
    assert ends == pytest.approx([wilson(right, n)["low"], wilson(right, n)["high"]], abs=1e-9)


def test_the_value_is_scikit_learn_s_and_classes_without_images_do_not_count() -> None:
    draws = np.random.default_rng(0)
    labels, predictions = draws.choice(4, 300, p=[0.8, 0.1, 0.1, 0.0]), draws.integers(0, 3, 300)
    support = np.bincount(labels, minlength=4)
    balanced, _ = balanced_accuracy(np.bincount(labels[labels == predictions], minlength=4), support)
    assert balanced["value"] == pytest.approx(balanced_accuracy_score(labels, predictions))
    assert balanced["n"] == 300
    with pytest.raises(ValueError, match="no class"):
        balanced_accuracy(np.zeros(2, dtype=int), np.zeros(2, dtype=int))


def test_all_wrong_and_all_right_are_not_certain() -> None:
    support = np.array([50, 3])
    low, high, widened = balanced_interval(np.zeros(2), support)
    assert widened
    assert low == 0
    assert 0.05 < high < 0.4
    low, high, widened = balanced_interval(support, support)
    assert widened
    assert 0.6 < low < 0.95
    assert high == 1


@pytest.mark.parametrize(
    ("support", "accuracies"),
    [
        ([950, 50], [0.95, 0.6]),
        ([100, 50], [0.5, 0.5]),
        ([30] * 10, np.linspace(0.5, 0.95, 10)),
        ([10] * 100, [0.9] * 100),
        ([5] * 200, [0.4] * 200),
    ],
)
def test_the_interval_covers(support: list[int], accuracies: list[float]) -> None:
    right = np.random.default_rng(1).binomial(support, accuracies, (2000, len(support)))
    low, high, widened = balanced_interval(right, np.broadcast_to(support, right.shape))
    covered = ((low <= np.mean(accuracies)) & (np.mean(accuracies) <= high)).mean()
    assert 0.93 <= covered <= 0.97  # of 2000: 95 % is 93.8 to 96.0 by chance
    assert widened.mean() < 0.1


@pytest.mark.parametrize("support", [(95, 5), (80, 20), (50, 50), (10, 10)])
def test_the_interval_of_two_classes_covers_exactly_as_said(support: tuple[int, int]) -> None:
    right = np.stack(np.meshgrid(*(np.arange(n + 1) for n in support), indexing="ij"), -1).reshape(-1, 2)
    low, high, widened = balanced_interval(right, np.broadcast_to(support, right.shape))
    apart = 0
    for first, second in product((0.5, 0.7, 0.9, 0.98), (0.5, 0.7, 0.9, 0.95)):
        chance = binom.pmf(right[:, 0], support[0], first) * binom.pmf(right[:, 1], support[1], second)
        truth, is_apart = (first + second) / 2, chance[widened].sum() > 0.1
        held = chance[(low <= truth + 1e-12) & (truth - 1e-12 <= high)].sum()
        assert 0.93 <= held <= (1 if is_apart else 0.97)
        apart += is_apart
    assert apart == {95: 15, 80: 6, 50: 4, 10: 16}[support[0]]  # of 16
