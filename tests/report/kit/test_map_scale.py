"""Maps that speak of no change of the score are not drawn in full colour."""

import numpy as np
import pytest

from ironglass.measure.maps import score_noise
from ironglass.report.kit import pictures
from ironglass.report.kit.map_scale import NOISE, RADIUS, floor_of, floored, full_scale, is_noise, reach

GRADIENT = "logit per unit of [0, 1]"
MAP = np.array([[0.5, -1.0], [0.0, 0.25]])


def test_reach_by_hand() -> None:
    assert reach([MAP, 0.1 * MAP], "probability") == 1
    assert reach([MAP], "logit") == 1.75
    assert reach([MAP], GRADIENT) == pytest.approx(1.75 / 255)
    assert reach([MAP], "relevance") is None
    assert reach([], "probability") == 0
    assert reach([np.array([[np.nan, 0.2]])], "probability") == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("unit", "size"), [("probability", NOISE), ("logit", NOISE / 1.75), (GRADIENT, NOISE * 255 / 1.75)]
)
def test_colours_fade_below_the_noise_and_not_above(unit: str, size: float) -> None:
    for factor in (2.0, 1.001):
        maps = [factor * size * MAP]
        assert floored(full_scale(maps), maps, unit) == full_scale(maps)
        assert not is_noise(maps, unit)
    for factor in (0.5, 0.01, 1e-12):
        maps = [factor * size * MAP]
        assert floored(full_scale(maps), maps, unit) == pytest.approx(full_scale(maps) / factor)
        assert is_noise(maps, unit)


def test_a_map_of_nothing_is_white_and_of_tiny_values_nearly() -> None:
    for values in (np.zeros((3, 3)), np.full((3, 3), 1e-7)):
        scale = floored(pictures.signed_scale([values]), [values], "probability")
        index = pictures.signed_index(values, scale)
        assert abs(index.astype(int) - 127.5).max() <= 1
    loud = np.full((3, 3), 0.3)
    assert pictures.signed_index(loud, floored(pictures.signed_scale([loud]), [loud], "probability")).min() == 255


def test_units_that_say_nothing_of_the_score_keep_their_scale() -> None:
    maps = [1e-9 * MAP]
    assert floored(full_scale(maps), maps, "relevance") == full_scale(maps)
    assert not is_noise(maps, "relevance")


def test_the_floor_is_the_scores_own_noise() -> None:
    loud = [{"score_noise": {"probability": value, "logit": 2.0}} for value in (0.01, 0.03, 0.3)]
    assert floor_of(loud, "probability") == 0.03
    assert floor_of(loud, "logit") == 2
    assert score_noise.RADIUS == RADIUS
    assert floor_of(loud, GRADIENT) == pytest.approx(2 / 255 / 0.02)  # reach is of one level, the noise of 2 %
    quiet = [{"score_noise": {"probability": 1e-5, "logit": 1e-5}}]
    assert floor_of(quiet, "probability") == floor_of([{}], "probability") == floor_of([], "logit") == NOISE
    maps = [0.02 * MAP]
    assert not is_noise(maps, "probability")
    assert is_noise(maps, "probability", 0.03)
    assert floored(full_scale(maps), maps, "probability", 0.03) == pytest.approx(1.5 * full_scale(maps))
