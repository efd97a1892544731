"""Shortcuts are found where they were planted, and nowhere else."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.data.sources.planted import CLASSES, MARK, planted_split, tied
from ironglass.errors import InputError
from ironglass.explain import InputXGradient, IntegratedGradients
from ironglass.measure.maps.attribution import image_maps
from ironglass.measure.maps.shortcuts import find_shortcuts, try_regions
from ironglass.models import Classifier
from ironglass.models.predict import logits_of


def maps_of(classifier: Classifier, split: Split, explainer: Any) -> torch.Tensor:
    predicted = logits_of(classifier, split).argmax(1)
    return image_maps(explainer(classifier, split[:][0], predicted), (32, 32))


def accuracy(classifier: Classifier, split: Split) -> float:
    return float((logits_of(classifier, split).argmax(1).numpy() == split.labels).mean())


def test_the_planted_shortcut_is_found(cheating):
    split = planted_split("test", 120, shortcut=True)
    assert accuracy(cheating, split.take(tied(split))) > 0.9
    assert accuracy(cheating, split.take(~tied(split))) < 0.1
    maps = maps_of(cheating, split, IntegratedGradients(steps=8))
    found = find_shortcuts(cheating, split, maps)
    assert {one["class"] for one in json.loads(json.dumps(found))} == set(CLASSES)
    for one in found:
        top, left, bottom, right = one["place"]
        assert top <= MARK.start < MARK.stop <= bottom  # the whole mark is in it
        assert left <= MARK.start < MARK.stop <= right
        assert one["rate"]["value"] > 0.8
        assert one["control"]["value"] < 0.2
    assert find_shortcuts(cheating, split, maps) == found


def test_none_is_found_where_shapes_are_seen(honest):
    split = planted_split("test", 120)
    assert accuracy(honest, split) > 0.75
    tried = try_regions(honest, split, maps_of(honest, split, InputXGradient()))
    assert tried  # shapes are seldom at the border, so the middle stands out, and is tried
    assert not any(one["shortcut"] for one in tried)


class Corner(nn.Module):
    """Class 1 where the upper left pixel is lit, or where the image's sum is above 50."""

    def forward(self, images):
        light = images[:, 0, 0, 0] + (images.sum((1, 2, 3)) > 50) - 0.5
        return torch.stack((-light, light), 1)


@pytest.fixture
def corner() -> Classifier:
    return Classifier(Corner(), mean=(0.0,), std=(1.0,), classes=("dark", "lit"), input_size=8)


@pytest.fixture
def lit() -> Split:
    pixels = np.zeros((20, 8, 8, 1), dtype=np.uint8)
    pixels[10:, 0, 0] = 255
    return Split(pixels, np.repeat([1, 0], 10), tuple(map(str, range(20))))  # the labels are wrong, and play no part


def test_by_hand(corner, lit):
    maps = torch.zeros(20, 8, 8)
    maps[10:, 0, 0] = 3
    maps[10:, 6, 6] = 1
    maps[10:, 4, 4] = -9  # not evidence for
    maps[:10] = 1  # even: nothing stands out
    done = []
    tried = try_regions(corner, lit, maps, progress=lambda *step: done.append(step))
    first, second = tried
    assert [one["class"] for one in tried] == ["lit", "lit"]
    assert (first["place"], second["place"]) == ([0, 0, 2, 2], [5, 5, 7, 7])
    assert first["share"] == pytest.approx(0.75)
    assert first["share_elsewhere"] == pytest.approx(4 / 64)
    assert (first["rate"]["value"], first["control"]["value"], first["rate"]["n"]) == (1, 0, 10)
    assert second["rate"]["value"] == 0
    assert first["p"] == pytest.approx(2 / 2**10)
    assert [one["shortcut"] for one in tried] == [True, False]
    assert find_shortcuts(corner, lit, maps) == [first]
    assert done == [(1, 2), (2, 2)]
    # `places` of them at most, and never two that overlap
    assert len(try_regions(corner, lit, maps, places=1)) == 1


def test_nothing_to_paste_over(corner, lit):
    everywhere = lit.take(slice(10, 20))
    maps = torch.zeros(10, 8, 8)
    maps[:, 0, 0] = 1
    assert try_regions(corner, everywhere, maps) == []


def test_bad_input_is_refused(corner, lit):
    with pytest.raises(InputError, match="one map an image"):
        find_shortcuts(corner, lit, torch.zeros(20, 1, 8, 8))
    small = Split(lit.pixels[:, :3, :3], lit.labels, lit.names)
    with pytest.raises(InputError, match="too small"):
        find_shortcuts(corner, small, torch.zeros(20, 3, 3))
