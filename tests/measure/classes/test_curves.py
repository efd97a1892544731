"""Areas below the curves as scikit-learn's, with intervals that cover."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from ironglass.measure.classes.areas import average_precisions, roc_areas
from ironglass.measure.classes.curves import POINTS, OneAgainstRest, one_against_rest


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_the_areas_are_scikit_learn_s_also_with_ties(digits: int) -> None:
    draws = np.random.default_rng(0)
    true = draws.random(500) < 0.3
    scores = np.round(draws.normal(1.0 * true), digits)
    curve = OneAgainstRest(scores[true], scores[~true])
    assert curve.area()[0]["value"] == pytest.approx(roc_auc_score(true, scores))
    assert curve.average_precision()[0]["value"] == pytest.approx(average_precision_score(true, scores))
    found, right = zip(*curve.precision_recall(), strict=True)
    assert found[-1] == 1
    assert right[-1] == pytest.approx(true.mean(), abs=1e-6)
    false, positive, _ = roc_curve(true, scores, drop_intermediate=False)
    drawn = curve.roc()
    assert {tuple(point) for point in drawn} <= {*zip(false.round(6).tolist(), positive.round(6).tolist(), strict=True)}
    assert (drawn[0], drawn[-1]) == ([0, 0], [1, 1])
    assert digits == 0 or POINTS // 2 < len(drawn) <= POINTS + 1


def binormal(m: int, others: int, auc: float, spread: float, times: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of so many sets of images, of a class whose scores have `spread` times the others' deviation."""
    draws, shift = np.random.default_rng(1), norm.ppf(auc) * np.hypot(1, spread)
    return draws.normal(shift, spread, (times, m)), draws.normal(size=(times, others))


def true_precision(share: float, auc: float, spread: float) -> float:
    """The average precision of endlessly many images."""
    z = np.linspace(-9, 9, 40_001)
    shift = norm.ppf(auc) * np.hypot(1, spread)
    found, false = share * norm.sf(z), (1 - share) * norm.sf(shift + spread * z)
    return float((found / (found + false) * norm.pdf(z)).sum() * (z[1] - z[0]))


ENOUGH = [
    (50, 50, 0.5, 1.0),
    (20, 80, 0.7, 1.0),
    (300, 700, 0.99, 1.0),
    (60, 240, 0.9, 0.5),
    (300, 700, 0.95, 2.0),
    (50, 950, 0.7, 2.0),
]
FEW = [(5, 95, 0.7, 1.0), (5, 95, 0.99, 2.0), (10, 90, 0.95, 2.0), (50, 50, 0.99, 0.5), (50, 950, 0.99, 2.0)]


@pytest.mark.parametrize(("m", "others", "auc", "spread"), ENOUGH + FEW)
def test_the_interval_of_the_area_covers(m: int, others: int, auc: float, spread: float) -> None:
    areas = roc_areas(*binormal(m, others, auc, spread, 1000))
    held, widened = ((areas.low <= auc) & (auc <= areas.high)).mean(), areas.widened.mean()
    if (m, others, auc, spread) in ENOUGH:
        assert widened < 0.1
        assert 0.93 <= held <= 0.97
    else:  # as its words say it holds more often
        assert widened > 0.9
        assert held >= 0.95


PRECISE = [(50, 50, 0.7, 1.0), (60, 240, 0.7, 2.0), (300, 700, 0.95, 1.0), (60, 240, 0.9, 0.5), (50, 950, 0.9, 1.0)]
PRECISE_FEW = [(5, 95, 0.9, 1.0), (10, 90, 0.9, 2.0), (50, 50, 0.99, 0.5), (15, 285, 0.99, 1.0)]


@pytest.mark.parametrize(("m", "others", "auc", "spread"), PRECISE + PRECISE_FEW)
def test_the_interval_of_the_average_precision_covers(m: int, others: int, auc: float, spread: float) -> None:
    areas = average_precisions(*binormal(m, others, auc, spread, 1000))
    truth = true_precision(m / (m + others), auc, spread)
    held, widened = ((areas.low <= truth) & (truth <= areas.high)).mean(), areas.widened.mean()
    if (m, others, auc, spread) in PRECISE:
        assert widened < 0.1
        assert 0.93 <= held <= 0.97
    else:
        assert widened > 0.9
        assert held >= 0.95


def test_a_perfect_order_is_not_certain() -> None:
    area, widened = OneAgainstRest(np.array([2.0, 3.0]), np.array([0.0, 1.0])).area()
    assert widened
    assert area["value"] == 1
    assert 0.2 < area["low"] < 0.8
    single = OneAgainstRest(np.array([2.0]), np.array([0.0]))
    assert single.area()[0]["low"] < 0.3
    assert single.average_precision()[0]["low"] < 0.5


def test_one_score_for_all_is_no_knowledge_and_that_is_certain() -> None:
    area, widened = OneAgainstRest(np.zeros(30), np.zeros(90)).area()
    assert (area["low"], area["value"], area["high"], widened) == (0.5, 0.5, 0.5, False)


def test_classes_without_images_have_no_curve() -> None:
    shares = np.random.default_rng(3).dirichlet(np.ones(3), 40)
    rows = one_against_rest(shares, np.arange(40) % 2, ("a", "b", "c"))
    assert [row["class"] for row in rows] == ["a", "b"]
    assert "widened" not in rows[0]
    few = one_against_rest(shares, np.arange(40) % 20 // 19, ("a", "b", "c"))
    assert few[1]["widened"] == ["roc_auc", "average_precision"]
    assert one_against_rest(shares, np.zeros(40, dtype=int), ("a", "b", "c")) == []


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.95])
@pytest.mark.parametrize(("n", "auc"), [(80, 0.7), (300, 0.5), (300, 0.9)])
def test_the_interval_of_pairs_covers_and_is_no_wider_than_it_has_to_be(n: int, auc: float, correlation: float) -> None:
    draws, shift = np.random.default_rng(2), norm.ppf(auc) * 2**0.5
    shared = draws.normal(size=(1000, n)) * correlation**0.5
    own, others = (shared + (1 - correlation) ** 0.5 * draws.normal(size=(1000, n)) for _ in range(2))
    areas = roc_areas(own + shift, others, paired=True)
    assert areas.widened.mean() < 0.1
    assert 0.93 < ((areas.low <= auc) & (auc <= areas.high)).mean() < 0.97
    if correlation > 0.5:  # where images of other pairs would have to be asked, the interval is needlessly wide
        apart = roc_areas(own + shift, others)
        assert ((apart.low <= auc) & (auc <= apart.high)).mean() > 0.97
