"""The sentence follows from the numbers."""

import pytest

from ironglass.measure.layers.sentence import note
from ironglass.measure.statistics import counted_rate


def layer(**changes):
    plain = {
        "shape": [8, 14, 14],
        "concentration": {"value": 0.18},
        "agreement": {"value": 0.61},
        "positive": {"value": 1.0},
        "probe": counted_rate(305, 500),
        "without_layout": counted_rate(170, 500),
        "without_layer": counted_rate(52, 500),
    }
    return plain | changes


def test_a_whole_sentence():
    assert note(layer(), clean=0.98, chance=0.1) == (
        "Looks nearly everywhere (10 % of the map holds 18 % of the evidence), and occlusion agrees (rank correlation"
        " 0.61); a linear classifier on it reaches 61 %; without its layout accuracy falls from 98 % to 34 %."
    )


def test_what_gets_around_a_layer_is_told() -> None:
    row = layer() | {"without_layer": counted_rate(300, 500)}
    assert note(row, clean=0.98, chance=0.1).endswith("; without the layer accuracy falls from 98 % to 60 %.")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"concentration": {"value": 0.25}}, "Looks at some parts more than others (10 % of the map holds 25 %"),
        ({"concentration": {"value": 0.5}}, "Looks at small parts (10 % of the map holds 50 %"),
        ({"positive": {"value": 0.2}}, "Finds evidence for the prediction in only 20 % of the images;"),
        ({"shape": [8, 1, 1]}, "Sees the image as a whole, without places; a linear"),
        ({"agreement": None}, "of the evidence); a linear"),
        ({"agreement": {"value": 0.2}}, "occlusion agrees in part (rank correlation 0.20)"),
        ({"agreement": {"value": -0.1}}, "occlusion hardly agrees (rank correlation -0.10)"),
        ({"agreement": {"value": -0.8}}, "occlusion says the opposite (rank correlation -0.80)"),
        ({"probe": counted_rate(55, 500)}, "a linear classifier on it is not surely better than guessing (11 %)"),
        ({"probe": counted_rate(482, 500)}, "a linear classifier on it is as good as the whole network (96 %)"),
        (
            {"probe": counted_rate(500, 500)},
            "a linear classifier on it is better than the whole network (100 %, not 97 %)",
        ),
        ({"without_layout": counted_rate(485, 500)}, "without its layout accuracy stays at 97 %"),
        ({"without_layer": counted_rate(425, 500)}, "without the layer accuracy falls from 98 % to 85 %."),
        ({"without_layer": counted_rate(500, 500)}, "without the layer accuracy rises from 97 % to 100 %."),
    ],
)
def test_each_threshold(changes, says):
    clean = 0.97 if "better" in says or "rises" in says else 0.98
    assert says in note(layer(**changes), clean=clean, chance=0.1)


def test_one_place_has_no_layout():
    assert "layout" not in note(layer(shape=[8, 1, 1]), clean=0.98, chance=0.1)
