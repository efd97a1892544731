"""Sets of classes: the promised coverage is kept where images are exchangeable, and its failure is seen."""

import numpy as np
import pytest

from ironglass.measure.confidence.conformal import conformal, coverage_probability, least_share


@pytest.mark.parametrize("n", [19, 100, 500])
def test_the_promise_is_kept_on_average(n: int) -> None:
    draws, covered = np.random.default_rng(0), []
    for _ in range(2000):
        least = least_share(draws.beta(3, 1, n))
        covered.append((draws.beta(3, 1, 100) >= least).mean())
    exact = np.floor((n + 1) * 0.1 + 1e-9) / (n + 1)
    assert np.mean(covered) == pytest.approx(1 - exact, abs=0.006)
    assert np.mean(covered) >= 0.9 - 0.004


def test_the_threshold_by_hand() -> None:
    shares = np.arange(1, 20) / 100  # 19 images: of 20 a tenth is 2
    assert least_share(np.random.default_rng(1).permutation(shares)) == 0.02
    assert least_share(shares[:8]) == 0, "a tenth of 9 is no image: every class belongs to every set"
    assert coverage_probability(0, 10, 8) == 1


@pytest.mark.parametrize("drop", [False, True])
def test_the_probability_of_a_low_coverage(drop: bool) -> None:
    draws, small = np.random.default_rng(2), []
    for _ in range(1000):
        least = least_share(draws.beta(3, 1, 200))
        shares = draws.beta(1.5 if drop else 3, 1, 300)
        small.append(coverage_probability(int((shares >= least).sum()), 300, 200) < 0.05)
    assert np.mean(small) > 0.95 if drop else 0.025 < np.mean(small) < 0.06


@pytest.mark.parametrize(("n", "calibrated", "few"), [(200, 100, False), (1000, 500, False), (50, 100, True)])
def test_the_interval_of_the_coverage_covers_that_of_these_sets(n: int, calibrated: int, few: bool) -> None:
    draws, held, widened = np.random.default_rng(5), 0, 0
    for _ in range(2000):
        least = least_share(draws.beta(3, 1, calibrated))
        entry = conformal(draws.beta(3, 1, n), np.ones(n), calibrated, least)
        held += entry["coverage"]["low"] <= 1 - least**3 <= entry["coverage"]["high"]
        widened += entry.get("widened", False)
    assert (widened / 2000 > 0.1) == few
    assert 0.93 <= held / 2000 <= (1 if few else 0.97)


def test_the_entry() -> None:
    shares, sizes = np.array([0.9, 0.5, 0.1, 0.6]), np.array([1, 2, 0, 1])
    entry = conformal(shares, sizes, 100, 0.4)
    assert entry["coverage"]["value"] == 0.75
    assert entry["size"]["value"] == 1
    assert entry["size"]["low"] >= 0
    assert entry["empty"]["value"] == 0.25
    assert (entry["calibrated"], entry["least_share"], entry["level"]) == (100, 0.4, 0.9)
