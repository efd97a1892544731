"""Bins, and the parts of the Brier score."""

import numpy as np
import pytest

from ironglass.measure.calibration import brier_scores
from ironglass.measure.confidence.calibration_error import BINS
from ironglass.measure.confidence.reliability import brier_parts, reliability_bins


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
