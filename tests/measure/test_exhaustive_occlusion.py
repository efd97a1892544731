"""Robustness to every patch, by hand."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.exhaustive_occlusion import occlusion_robustness
from ironglass.measure.statistics import counted_rate
from ironglass.models import Classifier


class Diagonal(nn.Module):
    """Class 1 where pixel (1, 1) or pixel (3, 3) is lit: one is hidden by any patch, both by 3 pixels only."""

    def forward(self, images):
        light = images[:, 0, [1, 3], [1, 3]].amax(1) - 0.25
        return torch.stack((-light, light), 1)


@pytest.fixture
def classifier() -> Classifier:
    return Classifier(Diagonal(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=6)


@pytest.fixture
def split() -> Split:
    pixels = np.zeros((4, 6, 6, 1), dtype=np.uint8)
    pixels[0, 1, 1] = pixels[0, 3, 3] = 255  # survives patches of 1 and 2
    pixels[1, 3, 3] = pixels[2, 3, 3] = 255  # one lit pixel; then the same, mislabelled
    return Split(pixels, np.array([1, 1, 0, 0]), tuple("abcd"))


def test_by_hand(classifier, split):
    done = []
    found = occlusion_robustness(
        classifier, split, (3, 1, 2, 2), 1, "black", batch_size=3, progress=lambda *step: done.append(step)
    )
    assert found.flipped.tolist() == [[False, False, True], [True] * 3, [True] * 3, [False] * 3]
    assert found.smallest.tolist() == [3, 1, 1, 0]
    numbers = json.loads(json.dumps(found.numbers))
    assert numbers["smallest"] == [3, 1, 1, None]
    assert numbers["clean"] == counted_rate(3, 4)
    assert [point["size"] for point in numbers["sizes"]] == [1, 2, 3]
    assert [point["positions"] for point in numbers["sizes"]] == [36, 25, 16]
    # the mislabelled image that flips to its label is no more robust for it
    assert [point["accuracy"] for point in numbers["sizes"]] == [
        counted_rate(2, 4),
        counted_rate(2, 4),
        counted_rate(1, 4),
    ]
    assert [point["flipped"] for point in numbers["sizes"]] == [
        counted_rate(2, 4),
        counted_rate(2, 4),
        counted_rate(3, 4),
    ]
    assert done[-1] == (12, 12)


def test_the_stride_decides_which_places_are_tried(classifier, split):
    # at stride 2 a single pixel is never put on (1, 1) or (3, 3)
    found = occlusion_robustness(classifier, split, (1,), 2, "black")
    assert not found.flipped.any()
    # grey lights the dark image: 0.5 is above the threshold
    assert occlusion_robustness(classifier, split, (1,), 1, "grey").smallest.tolist() == [0, 0, 0, 1]


def test_a_chosen_colour_and_the_mean(classifier, split):
    dim = torch.tensor([0.2]).view(1, 1, 1)
    chosen = occlusion_robustness(classifier, split, (1,), 1, dim)
    mean = occlusion_robustness(classifier, split, (1,), 1, "mean", mean=(0.2,))
    assert chosen.smallest.tolist() == mean.smallest.tolist() == [0, 1, 1, 0]


def test_bad_input_is_refused(classifier, split):
    with pytest.raises(InputError, match="empty"):
        occlusion_robustness(classifier, split.take(slice(0, 0)), (1,), 1)
    with pytest.raises(InputError, match="at least one"):
        occlusion_robustness(classifier, split, (), 1)
    with pytest.raises(InputError, match="patch is 7"):
        occlusion_robustness(classifier, split, (7,), 1)
