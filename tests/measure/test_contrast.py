"""Contrasts over images and seeds, by hand."""

import numpy as np
import pytest

from ironglass.measure.contrast import answered, contrast, trend


def test_both_intervals_by_hand() -> None:
    found = contrast([np.array([1, 0, 1, 0]), np.array([1, 1, 1, -1])])
    assert found["effect"] == 0.5
    # over images: (1, 0.5, 1, -0.5), s = 0.7071, t(3) = 3.1824; over seeds: (0.5, 0.5)
    assert found["over_images"]["low"] == pytest.approx(0.5 - 3.182446 * 0.7071068 / 2)
    assert found["over_images"]["n"] == 4
    assert (found["over_seeds"]["low"], found["over_seeds"]["high"], found["seeds"]) == (0.5, 0.5, 2)


def test_one_seed_has_no_interval_over_seeds() -> None:
    found = contrast([np.array([1.0, 0.0, 1.0])])
    assert found["over_seeds"] is None
    assert found["seeds"] == 1


@pytest.mark.parametrize(
    ("images", "seeds", "above", "answer"),
    [
        ((0.1, 0.3), None, 0.0, "supported"),
        ((0.1, 0.3), (0.05, 0.2), 0.0, "supported"),
        ((0.1, 0.3), (-0.05, 0.4), 0.0, "undecided"),
        ((-0.3, -0.1), (-0.4, -0.1), 0.0, "not supported"),
        ((-0.3, -0.1), (-0.4, 0.1), 0.0, "undecided"),
        ((-0.04, -0.01), None, -0.05, "supported"),
        ((-0.09, -0.06), None, -0.05, "not supported"),
        ((0.0, 0.2), None, 0.0, "undecided"),
    ],
)
def test_answers(images: tuple, seeds: tuple | None, above: float, answer: str) -> None:
    found = {"over_images": dict(zip(("low", "high"), images, strict=True)),
             "over_seeds": seeds and dict(zip(("low", "high"), seeds, strict=True))}  # fmt: skip
    assert answered(found, above) == answer


def test_the_trend_of_a_line_is_its_rise() -> None:
    depths = [0, 4, 8, 12, 17]
    assert trend(depths) @ np.array([0.3 + 0.01 * n for n in depths]) == pytest.approx(0.17)
    assert trend(depths).sum() == pytest.approx(0)
