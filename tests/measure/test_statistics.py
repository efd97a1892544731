"""Intervals and tests against published and hand-computed values."""

import numpy as np
import pytest
from scipy.stats import binom

from ironglass.measure.classes.by_class import by_class
from ironglass.measure.confidence.selective import selective_risk
from ironglass.measure.statistics import (
    FEWEST,
    counted_rate,
    difference_of_rates,
    holm,
    mcnemar,
    mean_interval,
    paired_difference,
    rate_of,
    share_interval,
    widened_rate,
    wilson,
)


def test_wilson_against_newcombe_1998() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3: 81/263, 15/148, 0/20 and 1/29
    for k, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        rate = wilson(k, n)
        assert rate["low"] == pytest.approx(low, abs=5e-5)
        assert rate["high"] == pytest.approx(high, abs=5e-5)
        assert (rate["value"], rate["n"]) == (k / n, n)


def test_wilson_at_the_ends_is_not_empty() -> None:
    assert wilson(5, 5)["high"] == 1
    assert wilson(5, 5)["low"] < 0.6
    for k, n in ((1, 0), (-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="successes"):
            wilson(k, n)


def test_wilson_covers_the_truth_about_19_times_in_20() -> None:
    successes = np.random.default_rng(0).binomial(80, 0.9, 4000)
    found = [wilson(int(k), 80) for k in successes]
    assert 0.93 < np.mean([rate["low"] <= 0.9 <= rate["high"] for rate in found]) < 0.97


def test_few_right_or_wrong_widen_the_interval_to_the_exact_one() -> None:
    # Newcombe 1998, table I, method 5 (Clopper-Pearson): 0/20 and 1/29
    for k, n, low, high in ((0, 20, 0, 0.1684), (1, 29, 0.0009, 0.1776)):
        rate, widened = widened_rate(k, n)
        assert widened
        assert (rate["low"], rate["high"]) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
    assert widened_rate(20, 20)[0]["high"] == 1
    assert widened_rate(81, 263) == (wilson(81, 263), False)


def table_of(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends of the interval, and whether it is widened, for 0 to n right images of n."""
    rates = [widened_rate(k, n) for k in range(n + 1)]
    return (
        *(np.array([rate[end] for rate, _ in rates]) for end in ("low", "high")),
        np.array([few for _, few in rates]),
    )


@pytest.mark.parametrize("n", [30, 50, 120, 1000])
def test_the_interval_of_a_slice_covers_exactly_as_said(n: int) -> None:
    low, high, widened = table_of(n)
    accuracy = np.linspace(0.3, 0.999, 350)
    chance = binom.pmf(np.arange(n + 1)[:, None], n, accuracy)
    held = (chance * ((low[:, None] <= accuracy) & (accuracy <= high[:, None]))).sum(0)
    plain = chance[widened].sum(0) <= 0.1
    assert plain.any()
    assert not plain.all()
    assert 0.93 <= held[plain].min() <= held[plain].max() <= 0.97
    assert held[~plain].min() >= 0.927


@pytest.mark.parametrize(("n", "others"), [(30, 170), (50, 50), (120, 880)])
def test_the_interval_of_a_slice_s_difference_covers_exactly_as_said(n: int, others: int) -> None:
    first, second = ([widened_rate(k, m) for k in range(m + 1)] for m in (n, others))
    tables = [[difference_of_rates(one, other) for other, _ in second] for one, _ in first]
    low, high = (np.array([[cell[end] for cell in row] for row in tables]) for end in ("low", "high"))
    widened = np.array([[few or rest_few for _, rest_few in second] for _, few in first])
    plain = 0
    for accuracy, rest in [(0.5, 0.7), (0.55, 0.85), (0.7, 0.85), (0.85, 0.85), (0.9, 0.95), (0.97, 0.99)]:
        chance = np.outer(binom.pmf(np.arange(n + 1), n, accuracy), binom.pmf(np.arange(others + 1), others, rest))
        truth, apart = accuracy - rest, chance[widened].sum() > 0.1
        held = chance[(low <= truth + 1e-12) & (truth - 1e-12 <= high)].sum()
        plain += not apart
        assert 0.93 <= held <= (1 if apart else 0.97)
    assert FEWEST == 8
    assert 0 < plain < 6


def test_mean_interval_by_hand() -> None:
    rate = mean_interval(np.array([1.0, 2.0, 3.0]))
    # deviation 1, standard error 1/sqrt(3), t(0.975, 2) = 4.302653
    assert rate["value"] == 2
    assert rate["high"] - 2 == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert mean_interval(np.array([0.0, 1.0]), within=(0, 1)) == {"value": 0.5, "low": 0, "high": 1, "n": 2}
    assert mean_interval(np.array([4.0])) == {"value": 4, "low": 4, "high": 4, "n": 1}


def test_shares_that_are_all_alike_have_an_interval() -> None:
    for shares in ([1.0], [1.0] * 24, [0.0] * 24):
        assert share_interval(np.array(shares)) == counted_rate(sum(shares), len(shares))
    rate = share_interval(np.array([0.4] * 10))
    assert rate["value"] == pytest.approx(0.4)
    assert rate["low"] < 0.2 < 0.6 < rate["high"]
    assert share_interval(np.array([0.2, 0.4])) == mean_interval(np.array([0.2, 0.4]), within=(0, 1))


def test_mcnemar_by_hand() -> None:
    first = np.array([1, 1, 1, 1, 1, 0, 1, 0], dtype=bool)
    second = np.array([0, 0, 0, 0, 0, 1, 1, 0], dtype=bool)
    found = mcnemar(first, second)
    assert (found["only_first"], found["only_second"]) == (5, 1)
    assert found["p"] == pytest.approx(2 * (1 + 6) / 2**6)  # two-sided: P(at most 1 of 6) twice
    assert mcnemar(first, first)["p"] == 1
    with pytest.raises(ValueError, match="not paired"):
        mcnemar(first, second[:3])


def test_paired_difference_by_hand() -> None:
    first = np.array([1, 1, 1, 1, 1, 0, 1, 0], dtype=bool)
    second = np.array([0, 0, 0, 0, 0, 1, 1, 0], dtype=bool)
    found = paired_difference(first, second)
    # half an image more of each kind: 5.5 and 1.5 of 10; (1.5 - 5.5) / 10 ± 1.959964 · sqrt(7 - 16 / 10) / 10
    assert (found["value"], found["n"]) == (-0.5, 8)
    assert found["low"] == pytest.approx(-0.4 - 0.1959964 * np.sqrt(5.4), rel=1e-6)
    assert found["high"] == pytest.approx(-0.4 + 0.1959964 * np.sqrt(5.4), rel=1e-6)
    with pytest.raises(ValueError, match="not paired"):
        paired_difference(first, second[:3])


def test_the_interval_of_a_difference_holds_it_and_is_never_empty() -> None:
    for n in (1, 2, 5, 40):
        for lost in range(n + 1):
            for gained in range(n + 1 - lost):
                first = np.arange(n) < lost
                found = paired_difference(first, (np.arange(n) >= lost) & (np.arange(n) < lost + gained))
                assert -1 <= found["low"] <= found["value"] <= found["high"] <= 1
                assert found["low"] < found["high"]


def test_the_interval_of_a_difference_covers_the_truth_about_19_times_in_20() -> None:
    random, covered = np.random.default_rng(0), 0
    for _ in range(2000):
        kind = random.choice(4, 80, p=(0.7, 0.15, 0.05, 0.1))  # both right, the first alone, the second alone, neither
        found = paired_difference(kind <= 1, (kind == 0) | (kind == 2))
        covered += found["low"] <= -0.1 <= found["high"]
    assert 0.93 < covered / 2000 < 0.98


def test_holm_by_hand() -> None:
    # 0.01 ≤ 0.05 / 4, 0.015 ≤ 0.05 / 3, 0.03 > 0.05 / 2, and so 0.04 does not stand either, though 0.04 ≤ 0.05 / 1
    assert holm([0.03, 0.01, 0.04, 0.015]) == [False, True, False, True]
    assert holm([]) == []
    assert holm([0.05]) == [True]


@pytest.mark.parametrize("p", [float("nan"), -0.1, 1.5])
def test_holm_refuses_a_missing_p_value(p: float) -> None:
    with pytest.raises(ValueError, match="p-values lie in"):
        holm([0.01, p])


@pytest.mark.parametrize(("right", "n"), [(0, 40), (3, 250), (12, 40), (40, 40)])
def test_the_same_count_has_the_same_interval_everywhere(right: int, n: int) -> None:
    flags = np.arange(n) < right
    expected = widened_rate(right, n)[0]
    assert counted_rate(right, n) == rate_of(flags) == expected
    confidence = np.linspace(0.6, 0.9, n)
    assert selective_risk(confidence, ~flags, coverage=1.0)[0] == expected
    labels = np.zeros(n, int)
    numbers = by_class(labels, np.where(flags, 0, 1), None, ("a", "b"))
    assert numbers["accuracies"][0]["accuracy"] == expected
    if right in (0, n):
        assert share_interval(flags.astype(float)) == expected
