"""The difference of two calibration errors: its interval covers, and uses that the images are the same."""

import numpy as np
import pytest
from scipy.special import ndtr

from ironglass.measure.confidence.calibration_error import BINS, binned, corrected_errors
from ironglass.measure.confidence.paired_errors import _folded_correlation, corrected_differences

Network = tuple[np.ndarray, np.ndarray]


def powers(chance: np.ndarray, power: float) -> np.ndarray:
    """Confidences whose odds are those of the chance to a power: too sure above 1."""
    return 1 / (1 + ((1 - chance) / chance) ** power)


def true_error(power: float) -> float:
    chance = 0.5 + 0.5 * np.random.default_rng(9).beta(4, 1.5, 400_000)
    sure = powers(chance, power)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, chance - sure)).sum()) / len(sure)


def networks(sets: int, n: int, both: tuple[float, float], *, correlation: float) -> tuple[Network, Network]:
    """Two networks that are right with the same chances, together or apart, and as sure as these to their powers."""
    draws = np.random.default_rng(4)
    chance = 0.5 + 0.5 * draws.beta(4, 1.5, (sets, n))
    first, other = draws.standard_normal((2, sets, n))
    second = correlation * first + np.sqrt(1 - correlation**2) * other
    one, two = ((powers(chance, power), ndtr(luck) < chance) for power, luck in zip(both, (first, second), strict=True))
    return one, two


@pytest.mark.parametrize(
    ("both", "correlation", "n"), [((2.5, 1.5), 0.6, 1000), ((1.5, 3.0), 0.0, 1000), ((3.0, 0.5), 1.0, 300)]
)
def test_the_interval_covers_where_both_have_an_error(both: tuple[float, float], correlation: float, n: int) -> None:
    pair = networks(400, n, both, correlation=correlation)
    truth = true_error(both[1]) - true_error(both[0])
    low, value, high = corrected_differences(*pair)
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.975  # 97 % is up to 98.7 of 400 sets by chance
    assert np.median(value) == pytest.approx(truth, abs=0.01)
    assert (low <= value).all()
    assert (value <= high).all()


@pytest.mark.parametrize("both", [(3.0, 1.0), (1.0, 1.0)])
def test_it_holds_more_often_where_one_has_none(both: tuple[float, float]) -> None:
    truth = true_error(both[1]) - true_error(both[0])
    low, _, high = corrected_differences(*networks(400, 300, both, correlation=0.6))
    assert ((low <= truth) & (truth <= high)).mean() >= 0.95


def test_what_two_networks_have_in_common_narrows_it_and_their_order_turns_it() -> None:
    widths = []
    for correlation in (0.0, 0.9):
        first, second = networks(60, 1000, (2.5, 1.8), correlation=correlation)
        low, value, high = corrected_differences(first, second)
        widths.append((high - low).mean())
        turned = corrected_differences(second, first)
        assert np.allclose([-turned[2], -turned[1], -turned[0]], [low, value, high])
    assert widths[1] < 0.75 * widths[0]


def test_the_value_is_the_difference_of_the_two_corrected_errors() -> None:
    first, second = networks(20, 300, (2.5, 1.2), correlation=0.5)
    errors = [corrected_errors(binned(*one))[1] for one in (first, second)]
    assert np.allclose(corrected_differences(first, second)[1], errors[1] - errors[0])


@pytest.mark.parametrize(
    ("together", "z_1", "z_2"), [(0.6, 0.0, 0.0), (0.6, 1.0, 0.3), (-0.5, 1.5, 1.0), (0.9, 3.0, 2.0)]
)
def test_the_covariance_of_sizes_is_that_of_draws(together: float, z_1: float, z_2: float) -> None:
    first, other = np.random.default_rng(0).standard_normal((2, 400_000))
    second = together * first + np.sqrt(1 - together**2) * other
    drawn = np.cov(np.abs(first + z_1), np.abs(second + z_2))[0, 1]
    assert float(_folded_correlation(*map(np.asarray, (together, z_1, z_2)))) == pytest.approx(drawn, abs=0.02)
