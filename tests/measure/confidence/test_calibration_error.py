"""The corrected calibration error: its interval covers, its value is not too high, and certainty is not claimed."""

import numpy as np
import pytest

from ironglass.measure.confidence.calibration_error import (
    BINS,
    binned,
    corrected_error,
    corrected_errors,
    error_interval,
)
from ironglass.measure.confidence.gap_shapes import Bins, DrawnGaps

CONFIDENCES = {"high": (8, 1.5, 0.1), "sharp": (20, 0.7, 0.1), "even": (1, 1, 0.1), "two classes": (0.5, 0.4, 0.5)}
"""Of a beta distribution both parameters, and the smallest confidence."""


def confidences(draws: np.random.Generator, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    first, second, least = CONFIDENCES[kind]
    return least + (1 - least) * draws.beta(first, second, shape)


def chances(sure: np.ndarray, off: str, size: float) -> np.ndarray:
    """True chances to be right: too low throughout, more so where unsure, in waves, or at the top alone."""
    if off == "temperature":
        odds = np.log(np.clip(sure, 1e-9, 1 - 1e-9) / np.clip(1 - sure, 1e-9, 1))
        return 1 / (1 + np.exp(-size * odds))
    changes = {"shift": -size, "waves": size * np.sign(np.sin(40 * sure)), "top": -size * (sure > 0.9)}
    return np.clip(sure + changes[off], 0, 1)


def true_error(kind: str, off: str, size: float) -> float:
    sure = confidences(np.random.default_rng(9), kind, (400_000,))
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, chances(sure, off, size) - sure)).sum()) / len(sure)


@pytest.mark.parametrize(
    ("kind", "off", "size", "n"),
    [
        ("high", "temperature", 0.5, 100),
        ("high", "waves", 0.05, 300),
        ("sharp", "shift", 0.02, 300),
        ("sharp", "temperature", 0.7, 1000),
        ("even", "shift", 0.15, 300),
        ("two classes", "shift", 0.05, 100),
        ("high", "top", 0.05, 3000),
    ],
)
def test_the_interval_covers_and_the_value_is_not_too_high(kind: str, off: str, size: float, n: int) -> None:
    draws, truth = np.random.default_rng(1), true_error(kind, off, size)
    sure = confidences(draws, kind, (600, n))
    low, value, high = corrected_errors(binned(sure, draws.random((600, n)) < chances(sure, off, size)))
    assert 0.93 <= ((low <= truth) & (truth <= high)).mean() <= 0.975  # 97 % is up to 98.2 of 600 sets by chance
    assert np.median(value) == pytest.approx(truth, rel=0.15, abs=0.005)
    assert (low <= value).all()
    assert (value <= high).all()


SHARP = np.array([0.3, 0.1, 0.06, 0.04, 0.04, 0.06, 0.1, 0.3])
ONE_BIN, ONE_SIDE = np.append(np.zeros(14), 0.05), np.full(8, 0.02)


@pytest.mark.parametrize(("shares", "gaps"), [(np.full(15, 1 / 15), ONE_BIN), (SHARP, ONE_SIDE)])
def test_it_covers_an_error_of_one_bin_and_one_of_one_side(shares: np.ndarray, gaps: np.ndarray) -> None:
    draws, held = np.random.default_rng(6), []
    sure = (np.arange(BINS - len(shares), BINS) + 0.5) / BINS  # of every image of a bin, so that counts are all
    for _ in range(12):
        images = draws.multinomial(10_000, shares, 50)
        right = draws.binomial(images, sure - gaps)
        bins = Bins(images.astype(np.float64), np.tile(sure, (50, 1)), right / images - sure)
        low, high = error_interval(bins)
        held.append((low <= shares @ gaps) & (shares @ gaps <= high))
    assert 0.93 <= np.mean(held) <= 0.975


def test_gaps_move_to_an_error_as_far_as_their_variances_let_them() -> None:
    drawn = np.array([[[0.03, -0.01, 0.002]]])
    gaps = DrawnGaps(drawn, np.array([[2.0, 1.0, 1.0]]))
    assert gaps.moved(np.array([0.042]))[0, 0] == pytest.approx([0.03, -0.01, 0.002])
    assert gaps.moved(np.array([0.046]))[0, 0] == pytest.approx([0.032, -0.011, 0.003])
    # 0.002 is 0 after 0.002 of each; of the 0.024 left the rest goes from the others, twice as fast from the first
    assert gaps.moved(np.array([0.028]))[0, 0] == pytest.approx([0.03 - 0.004 - 2 * 0.002, -0.01 + 0.002 + 0.002, 0])
    assert gaps.moved(np.array([0.0]))[0, 0] == pytest.approx([0, 0, 0])
    assert gaps.scaled(np.array([0.084]))[0, 0] == pytest.approx([0.06, -0.02, 0.004])


@pytest.mark.parametrize("kind", CONFIDENCES)
def test_no_error_is_a_boundary_that_no_interval_misses_from_below(kind: str) -> None:
    draws = np.random.default_rng(3)
    sure = confidences(draws, kind, (500, 300))
    low, value, _ = corrected_errors(binned(sure, draws.random((500, 300)) < sure))
    assert 0.95 <= (low == 0).mean() < 1
    assert np.median(value) < 0.01


def test_a_perfect_network_is_not_called_off() -> None:
    draws = np.random.default_rng(2)
    sure = draws.random(500)
    error = corrected_error(sure, draws.random(500) < sure)
    assert error["low"] == 0
    off = corrected_error(np.full(200, 0.99), draws.random(200) < 0.5)
    assert off["low"] > 0.38
    assert off["value"] == pytest.approx(0.49, abs=0.08)
    assert corrected_error(np.ones(20), np.ones(20, dtype=bool))["value"] == 0
    assert 0 < corrected_error(np.ones(20), np.ones(20, dtype=bool))["high"] < 0.3
    one = corrected_error(np.array([0.6]), np.array([False]))
    assert 0 <= one["low"] <= one["value"] <= one["high"] <= 1


def test_images_that_look_better_than_calibrated_are_not_called_perfect() -> None:
    """Ten images a bin of exactly the accuracy that their confidence says: chance alone shows 0.1 on average."""
    sure = np.repeat(np.arange(1, 10) / 10, 10)
    found = corrected_error(sure, np.concatenate([np.arange(10) < k for k in range(1, 10)]))
    assert found["low"] == found["value"] == 0
    assert 0.05 < found["high"] < 0.15
