"""Calibration: closed forms, and how often the intervals hold the truth."""

import numpy as np
import pytest

from ironglass.measure.calibration import Confidences, brier_scores, calibration, calibration_difference
from ironglass.measure.confidence.calibration_error import BINS, corrected_error


def error_of(confidence: list[float], right: list[bool]) -> float:
    return Confidences(np.asarray(confidence), np.asarray(right), None).error()


def test_the_error_by_hand() -> None:
    # two bins: 0.5 sure and 1 of 2 right; 0.95 sure and 1 of 2 right: (0 · 2 + 0.45 · 2) / 4
    assert error_of([0.5, 0.5, 0.95, 0.95], [True, False, True, False]) == pytest.approx(0.225)
    assert error_of([1.0, 1.0], [True, True]) == pytest.approx(0)
    # over and under within one bin cancel out, in different bins they do not
    assert error_of([0.71, 0.69], [True, False]) == pytest.approx(abs(0.29 - 0.69) / 2)
    assert error_of([0.1, 0.9], [True, False]) == pytest.approx(0.9)


def test_the_error_against_a_plain_loop() -> None:
    draws = np.random.default_rng(0)
    confidence, right = draws.random(500), draws.random(500) < 0.5
    total = 0.0
    for k in range(BINS):
        inside = [i for i in range(500) if k / BINS <= confidence[i] < (k + 1) / BINS]
        if inside:
            accuracy, sure = np.mean(right[inside]), np.mean(confidence[inside])
            total += len(inside) / 500 * abs(accuracy - sure)
    assert Confidences(confidence, right, None).error() == pytest.approx(total)


def test_brier_scores_by_hand() -> None:
    found = brier_scores(np.asarray([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.3, 0.2]]), np.asarray([0, 2, 1]))
    assert found == pytest.approx([0, 2, 0.25 + 0.49 + 0.04])


def test_one_number_has_the_name_and_the_plain_gap_another() -> None:
    draws = np.random.default_rng(4)
    sure = draws.random(300)
    right = draws.random(300) < sure
    found = calibration(Confidences(sure, right, None))
    assert found["ece"] == corrected_error(sure, right)
    assert found["binned_gap"] == pytest.approx(error_of(sure.tolist(), right.tolist()))
    assert found["ece"]["value"] < found["binned_gap"]
    worse = Confidences(np.sqrt(sure), right, None)
    difference = calibration_difference(Confidences(sure, right, None), worse)["ece"]
    assert difference["value"] == pytest.approx(calibration(worse)["ece"]["value"] - found["ece"]["value"])


def drawn(draws: np.random.Generator, n: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """True chances to be right, and confidences that overstate them the more, the smaller the sharpness."""
    chance = 0.1 + 0.9 * draws.beta(8, 1.5, n)
    return chance, np.maximum(chance**sharpness, 0.1)


def true_error(sharpness: float) -> float:
    chance, sure = drawn(np.random.default_rng(9), 200_000, sharpness)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, chance - sure)).sum()) / len(chance)


@pytest.mark.parametrize("sharpness", [1.0, 0.3])
def test_intervals_hold_the_true_error(sharpness: float) -> None:
    draws, truth, held = np.random.default_rng(1), true_error(sharpness), 0
    for _ in range(50):
        chance, sure = drawn(draws, 300, sharpness)
        ece = calibration(Confidences(sure, draws.random(300) < chance, None))["ece"]
        held += ece["low"] <= truth <= ece["high"]
    assert held >= 44  # 95 % of 50 is 47.5; below 44 by chance in 2.5 of 100 at most


def test_the_interval_of_a_perfect_network_reaches_zero() -> None:
    draws = np.random.default_rng(2)
    chance, sure = drawn(draws, 300, 1.0)
    ece = calibration(Confidences(sure, draws.random(300) < chance, None))["ece"]
    assert ece["low"] == 0 < ece["high"]


def test_equal_networks_are_seldom_called_different_and_a_worse_one_is() -> None:
    draws, alike, found = np.random.default_rng(3), 0, 0
    for _ in range(50):
        chance, sure = drawn(draws, 300, 0.9)
        pair = [Confidences(sure, draws.random(300) < chance, None) for _ in range(2)]
        ece = calibration_difference(*pair)["ece"]
        alike += ece["low"] <= 0 <= ece["high"]
        worse = Confidences(np.maximum(chance**0.1, 0.1), pair[0].right, None)
        found += calibration_difference(pair[0], worse)["ece"]["low"] > 0
    assert alike >= 44
    assert found >= 45


def test_images_must_be_paired() -> None:
    one, other = (Confidences(np.full(n, 0.5), np.ones(n, dtype=bool), None) for n in (3, 4))
    with pytest.raises(ValueError, match="not paired: 3 and 4"):
        calibration_difference(one, other)
