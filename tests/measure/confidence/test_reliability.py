"""Bins, the corrected error and its interval, and the parts of the Brier score."""

import numpy as np
import pytest

from ironglass.measure.calibration import BINS, brier_scores
from ironglass.measure.confidence.reliability import brier_parts, corrected_error, reliability_bins


def drawn(draws: np.random.Generator, n: int, kind: float | str) -> tuple[np.ndarray, np.ndarray]:
    """True chances to be right, and confidences: overstated the more, the smaller the number, or off in waves."""
    if kind == "waves":
        sure = draws.random(n) * 0.5 + 0.5
        return np.clip(sure + 0.12 * np.sign(np.sin(40 * sure)), 0, 1), sure
    chance = 0.1 + 0.9 * draws.beta(8, 1.5, n)
    return chance, np.maximum(chance**kind, 0.1)


def true_error(kind: float | str) -> float:
    chance, sure = drawn(np.random.default_rng(9), 300_000, kind)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, chance - sure)).sum()) / len(chance)


@pytest.mark.parametrize(("kind", "n"), [(1.0, 300), (0.7, 300), ("waves", 300)])
def test_the_interval_covers_and_the_value_is_not_too_high(kind: float | str, n: int) -> None:
    draws, truth = np.random.default_rng(1), true_error(kind)
    errors = []
    for _ in range(200):
        chance, sure = drawn(draws, n, kind)
        errors.append(corrected_error(sure, draws.random(n) < chance))
    held = np.mean([one["low"] <= truth <= one["high"] for one in errors])
    assert held >= 0.92  # 95 % is 92 to 98 of 200 by chance
    assert held <= (1.0 if kind == 1.0 else 0.985)  # of an error of 0 no interval misses above
    if truth:
        assert np.median([one["value"] for one in errors]) == pytest.approx(truth, rel=0.12)
    else:
        assert np.median([one["value"] for one in errors]) < 0.02


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


def test_bins_by_hand() -> None:
    rows = reliability_bins(np.array([0.5, 0.52, 1.0]), np.array([True, False, True]))
    assert [(round(row["low"] * BINS), row["accuracy"]["n"], row["accuracy"]["value"]) for row in rows] == [
        (7, 2, 0.5),
        (14, 1, 1.0),
    ]
    assert rows[0]["confidence"] == pytest.approx(0.51)
    assert rows[1]["high"] == 1


def test_the_parts_add_up_to_the_score() -> None:
    draws = np.random.default_rng(3)
    shares = draws.dirichlet(np.ones(4) * 0.5, 400)
    labels = np.array([draws.choice(4, p=row) for row in shares])
    parts = brier_parts(shares, labels)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    assert total == pytest.approx(brier_scores(shares, labels).mean())
    rates = np.bincount(labels, minlength=4) / 400
    assert parts["uncertainty"] == pytest.approx((rates * (1 - rates)).sum())
    constant = brier_parts(np.tile(rates, (400, 1)), labels)  # nothing to resolve, and nothing off
    assert constant["reliability"] == pytest.approx(0, abs=1e-12)
    assert constant["resolution"] == pytest.approx(0, abs=1e-12)
    worse = brier_parts(np.roll(shares, 1, axis=1), labels)
    assert worse["reliability"] > 5 * parts["reliability"]
