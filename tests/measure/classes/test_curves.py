"""Areas below the curves as scikit-learn's, with intervals that cover."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from ironglass.measure.classes.curves import POINTS, OneAgainstRest, one_against_rest


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_the_areas_are_scikit_learn_s_also_with_ties(digits: int) -> None:
    draws = np.random.default_rng(0)
    true = draws.random(500) < 0.3
    scores = np.round(draws.normal(1.0 * true), digits)
    curve = OneAgainstRest(scores[true], scores[~true])
    assert curve.area()["value"] == pytest.approx(roc_auc_score(true, scores))
    assert curve.average_precision()["value"] == pytest.approx(average_precision_score(true, scores))
    found, right = zip(*curve.precision_recall(), strict=True)
    assert found[-1] == 1
    assert right[-1] == pytest.approx(true.mean(), abs=1e-6)
    false, positive, _ = roc_curve(true, scores, drop_intermediate=False)
    drawn = curve.roc()
    assert {tuple(point) for point in drawn} <= {*zip(false.round(6).tolist(), positive.round(6).tolist(), strict=True)}
    assert (drawn[0], drawn[-1]) == ([0, 0], [1, 1])
    assert digits == 0 or POINTS // 2 < len(drawn) <= POINTS + 1


def areas(m: int, others: int, auc: float, spread: float, times: int) -> list[dict[str, float]]:
    draws = np.random.default_rng(1)
    shift = norm.ppf(auc) * np.sqrt(1 + spread**2)
    return [
        dict(OneAgainstRest(draws.normal(shift, spread, m), draws.normal(size=others)).area()) for _ in range(times)
    ]


@pytest.mark.parametrize(
    ("m", "others", "auc", "most"),
    [(500, 500, 0.9, 0.97), (100, 900, 0.8, 0.97), (30, 30, 0.8, 0.975), (30, 30, 0.95, 1), (10, 100, 0.95, 1)],
)
def test_the_interval_of_the_area_covers(m: int, others: int, auc: float, most: float) -> None:
    held = np.mean([one["low"] <= auc <= one["high"] for one in areas(m, others, auc, 1.0, 1000)])
    assert 0.93 <= held <= most  # where few pairs are in the wrong order it is wider than it had to be


def test_a_perfect_order_is_not_certain() -> None:
    area = OneAgainstRest(np.array([2.0, 3.0]), np.array([0.0, 1.0])).area()
    assert area["value"] == 1
    assert 0.2 < area["low"] < 0.8
    single = OneAgainstRest(np.array([2.0]), np.array([0.0]))
    assert single.area()["low"] < 0.3
    assert single.average_precision()["low"] < 0.5


@pytest.mark.parametrize(("m", "most"), [(200, 0.975), (30, 1)])
def test_the_interval_of_the_average_precision_covers(m: int, most: float) -> None:
    draws = np.random.default_rng(2)

    def precision(times: int) -> dict[str, float]:
        return dict(OneAgainstRest(draws.normal(1.5, 1, m * times), draws.normal(size=300 * times)).average_precision())

    truth = precision(300)["value"]
    drawn = [precision(1) for _ in range(1000)]
    assert 0.93 <= np.mean([one["low"] <= truth <= one["high"] for one in drawn]) <= most


def test_classes_without_images_have_no_curve() -> None:
    shares = np.random.default_rng(3).dirichlet(np.ones(3), 40)
    rows = one_against_rest(shares, np.arange(40) % 2, ("a", "b", "c"))
    assert [row["class"] for row in rows] == ["a", "b"]
    assert one_against_rest(shares, np.zeros(40, dtype=int), ("a", "b", "c")) == []
