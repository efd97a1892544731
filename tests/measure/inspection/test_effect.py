"""The interval of an effect covers, and the effect is that of the same predictions."""

import numpy as np
import pytest

from ironglass.measure.inspection.effect import effect_of


def test_the_effect_is_the_difference_of_the_two_accuracies() -> None:
    right, removed = np.array([1, 1, 1, 0, 0, 1, 1, 0]), np.array([1, 1, 0, 0, 0, 0, 0, 0])
    effect = effect_of(right, removed)
    assert effect["all"]["value"] == 5 / 8
    assert effect["without"]["value"] == 3 / 6
    assert effect["only"]["value"] == 1
    assert effect["difference"]["value"] == pytest.approx(3 / 6 - 5 / 8)


@pytest.mark.parametrize("removed", [[0, 0, 0], [1, 1, 1]])
def test_nothing_or_everything_removed_is_refused(removed: list[int]) -> None:
    with pytest.raises(ValueError, match="of 3 images"):
        effect_of(np.array([1, 0, 1]), np.array(removed))


@pytest.mark.parametrize(
    ("n", "m", "rest", "leaked"), [(1000, 100, 0.8, 0.95), (400, 40, 0.6, 0.6), (300, 20, 0.9, 0.99)]
)
def test_the_interval_covers(n: int, m: int, rest: float, leaked: float) -> None:
    random = np.random.default_rng(0)
    removed = np.arange(n) < m
    truth = m / n * (rest - leaked)
    hits = 0
    for _ in range(2000):
        interval = effect_of(random.random(n) < np.where(removed, leaked, rest), removed)["difference"]
        hits += interval["low"] <= truth <= interval["high"]
    assert 0.93 <= hits / 2000 <= 0.99  # Newcombe's is a little wide where a share is near 1
