"""Agreement beyond chance: against scikit-learn, scipy and plain draws."""

import numpy as np
import pytest
from scipy.stats import fisher_exact, hypergeom, random_table
from sklearn.metrics import cohen_kappa_score

from ironglass.measure.classes.agreement import NEVER, _chance_at_most, answer_table, chance_of_matches, kappa


def drawn(draws: np.random.Generator, n: int, k: int, right: float) -> tuple[np.ndarray, np.ndarray]:
    labels = draws.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    return labels, np.where(draws.random(n) < right, labels, draws.integers(0, k, n))


def test_kappa_is_scikit_learn_s_also_with_images_without_an_answer() -> None:
    labels, predictions = drawn(np.random.default_rng(0), 400, 5, 0.6)
    assert kappa(answer_table(labels, predictions, 5))["value"] == pytest.approx(cohen_kappa_score(labels, predictions))
    predictions[:9] = -1
    assert kappa(answer_table(labels, predictions, 5))["value"] == pytest.approx(cohen_kappa_score(labels, predictions))


def test_kappa_of_one_answer_for_all_is_nought() -> None:
    labels = np.array([0, 0, 1])
    assert kappa(answer_table(labels, np.zeros(3, dtype=int), 2))["value"] == 0
    assert kappa(answer_table(np.zeros(3, dtype=int), np.zeros(3, dtype=int), 2))["value"] == 0


def test_the_interval_has_a_length_where_all_answers_match_or_are_alike() -> None:
    """Wilson's ends of 80 right of 80 and of 95 of 100, less what chance gives."""
    halves = np.repeat([0, 1], 40)
    every = kappa(answer_table(halves, halves, 2))
    assert (every["value"], every["high"]) == (1, 1)
    assert every["low"] == pytest.approx((0.95418 - 0.5) / 0.5, abs=1e-4)
    alike = kappa(answer_table(np.repeat([0, 1], [95, 5]), np.zeros(100, dtype=int), 2))
    assert alike["low"] == pytest.approx((0.88825 - 0.95) / 0.05, abs=2e-2) or alike["low"] == -1
    assert alike["high"] == pytest.approx((0.97846 - 0.95) / 0.05, abs=1e-2)


def test_the_interval_of_kappa_covers() -> None:
    draws, held = np.random.default_rng(1), 0
    labels, predictions = drawn(draws, 200_000, 4, 0.6)
    truth = cohen_kappa_score(labels, predictions)
    for _ in range(1000):
        value = kappa(answer_table(*drawn(draws, 300, 4, 0.6), 4))
        held += value["low"] <= truth <= value["high"]
    assert 930 <= held <= 970


def test_two_classes_are_fisher_s_exact_test() -> None:
    labels, predictions = drawn(np.random.default_rng(2), 60, 2, 0.2)
    share, p = chance_of_matches(answer_table(labels, predictions, 2))
    table = np.array([[((labels == i) & (predictions == j)).sum() for j in (0, 1)] for i in (0, 1)])
    assert p == pytest.approx(fisher_exact(table, alternative="greater").pvalue)
    named, true = np.bincount(predictions, minlength=2) / 60, np.bincount(labels, minlength=2) / 60
    assert share == pytest.approx(float(named @ true))


@pytest.mark.parametrize("k", [3, 40])
def test_the_probability_against_shuffled_answers(k: int) -> None:
    draws = np.random.default_rng(3)
    labels, predictions = drawn(draws, 300, k, 0.06 if k == 3 else 0.02)
    _, p = chance_of_matches(answer_table(labels, predictions, k))
    matches = (labels == predictions).sum()
    shuffled = [(labels == draws.permutation(predictions)).sum() >= matches for _ in range(4000)]
    assert 0.01 < p < 0.9
    assert p == pytest.approx(np.mean(shuffled), abs=0.05)


def test_the_bound_holds_and_spares_the_draws_where_none_can_reach_the_matches() -> None:
    draws = np.random.default_rng(4)
    spared = 0
    for k, n in ((3, 40), (5, 300), (20, 1000), (10, 359)):
        for right in (0.0, 0.1, 0.3, 0.9):
            table = answer_table(*drawn(draws, n, k, right), k)
            rows, columns, matches = table.sum(1)[:k], table.sum(0)[:k], int(np.trace(table))
            tables = random_table(rows, columns, seed=0).rvs(2000)
            reached = (np.trace(tables, axis1=1, axis2=2) >= matches).sum()
            bound = _chance_at_most(rows, columns, matches)
            assert bound >= 0.9 * reached / 2000
            assert chance_of_matches(table)[1] == (1 + reached) / 2001
            spared += bound < NEVER
    assert spared >= 6


def test_the_bound_is_no_smaller_than_fisher_s_probability() -> None:
    for first, second, both in ((10, 12, 9), (30, 20, 20), (25, 25, 16), (5, 40, 5)):
        n = 50
        matches = both + n - first - second + both
        exact = hypergeom.sf(both - 1, n, first, second)
        bound = _chance_at_most(np.array([first, n - first]), np.array([second, n - second]), matches)
        assert exact <= bound <= 1
        assert bound < 60 * exact + 1e-9


def test_nothing_can_be_told_of_one_class_or_one_answer() -> None:
    one, mixed = np.zeros(20, dtype=int), np.arange(20) % 2
    assert chance_of_matches(answer_table(one, mixed, 2))[1] == 1
    assert chance_of_matches(answer_table(mixed, one, 2)) == (0.5, 1)
