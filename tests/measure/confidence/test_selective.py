"""Risk of the surest answers: by hand, with ties, and how often the interval holds the truth."""

import numpy as np
import pytest

from ironglass.measure.confidence.selective import risk_curve, selective, selective_risk


def test_risk_by_hand() -> None:
    confidence = np.array([0.2, 0.9, 0.8, 0.7, 0.6, 0.5, 0.95, 0.85, 0.75, 0.65])
    right = np.array([False, True, True, False, True, True, True, True, True, True])
    risk, widened = selective_risk(confidence, right)
    assert widened
    assert (risk["value"], risk["n"]) == (pytest.approx(1 / 9), 9)
    assert selective_risk(confidence, right, 1.0)[0]["value"] == pytest.approx(0.2)
    assert selective(confidence, right)["threshold"] == 0.5
    curve = risk_curve(confidence, right)
    assert curve[0] == [0.1, 0]
    assert curve[-1] == [1, 0.2]


def test_equally_sure_answers_count_in_part() -> None:
    right = np.array([True, False] * 5)
    for order in (right, right[::-1], np.sort(right)):
        assert selective_risk(np.ones(10), order)[0]["value"] == pytest.approx(0.5)
    assert selective_risk(np.ones(1), np.array([False]))[0]["value"] == 1


@pytest.mark.parametrize(("n", "skill", "few"), [(150, 8, False), (600, 8, False), (80, 8, True), (300, 60, True)])
def test_the_interval_of_the_risk_covers(n: int, skill: float, few: bool) -> None:
    draws = np.random.default_rng(0)
    many = np.sort(draws.beta(skill, 1.5, 400_000))[40_000:]
    truth, held, widened = float((1 - many).mean()), 0, 0
    for _ in range(1500):
        sure = draws.beta(skill, 1.5, n)
        risk, is_widened = selective_risk(sure, draws.random(n) < sure)
        held, widened = held + (risk["low"] <= truth <= risk["high"]), widened + is_widened
    assert (widened / 1500 > 0.1) == few
    assert 0.93 <= held / 1500 <= (1 if few else 0.97)
