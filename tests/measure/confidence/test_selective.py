"""Risk of the surest answers: by hand, with ties, and how often the interval holds the truth."""

import numpy as np
import pytest

from ironglass.measure.confidence.selective import risk_curve, selective, selective_risk


def test_risk_by_hand() -> None:
    confidence = np.array([0.2, 0.9, 0.8, 0.7, 0.6, 0.5, 0.95, 0.85, 0.75, 0.65])
    right = np.array([False, True, True, False, True, True, True, True, True, True])
    risk = selective_risk(confidence, right)
    assert (risk["value"], risk["n"]) == (pytest.approx(1 / 9), 9)
    assert selective_risk(confidence, right, 1.0)["value"] == pytest.approx(0.2)
    assert selective(confidence, right)["threshold"] == 0.5
    curve = risk_curve(confidence, right)
    assert curve[0] == [0.1, 0]
    assert curve[-1] == [1, 0.2]


def test_equally_sure_answers_count_in_part() -> None:
    right = np.array([True, False] * 5)
    for order in (right, right[::-1], np.sort(right)):
        assert selective_risk(np.ones(10), order)["value"] == pytest.approx(0.5)
    assert selective_risk(np.ones(1), np.array([False]))["value"] == 1


@pytest.mark.parametrize("n", [100, 600])
def test_the_interval_of_the_risk_covers(n: int) -> None:
    draws = np.random.default_rng(0)
    many = np.sort(draws.beta(8, 1.5, 400_000))[40_000:]
    truth, held = float((1 - many).mean()), 0
    for _ in range(2000):
        sure = draws.beta(8, 1.5, n)
        risk = selective_risk(sure, draws.random(n) < sure)
        held += risk["low"] <= truth <= risk["high"]
    assert 0.93 <= held / 2000 <= 0.97
