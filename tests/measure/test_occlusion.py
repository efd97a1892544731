"""Accuracy under a patch, by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.occlusion import occlusion_accuracy
from ironglass.models import Classifier


class Corner(nn.Module):
    """Class 1 where the top left quarter holds any light."""

    def forward(self, images):
        light = images[:, 0, :2, :2].amax((1, 2)) - 0.25
        return torch.stack((-light, light), 1)


@pytest.fixture
def classifier() -> Classifier:
    return Classifier(Corner(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4)


@pytest.fixture
def split() -> Split:
    pixels = np.zeros((4, 4, 4, 1), dtype=np.uint8)
    pixels[:2, 0, 0] = 255  # two lit corners; then two dark images, of which one is mislabelled
    return Split(pixels, np.array([1, 1, 0, 1]), tuple("abcd"))


def test_by_hand(classifier, split):
    done = []
    found = occlusion_accuracy(
        classifier,
        split,
        patch=2,
        stride=2,
        masks=("grey", "black", "mean"),
        mean=(0.1,),
        batch_size=3,
        progress=lambda *step: done.append(step),
    )
    assert {key: found[key] for key in ("patch", "stride", "positions", "n")} == {
        "patch": 2,
        "stride": 2,
        "positions": 4,
        "n": 4,
    }
    assert found["clean"]["value"] == 0.75
    grey, black, mean = found["masks"]
    # grey over the corner lights the dark images: right at (4, 4, 3, 1) of 4 places
    assert grey["mean"]["value"] == pytest.approx((1 + 1 + 3 / 4 + 1 / 4) / 4)
    assert grey["worst"]["value"] == 2 / 4
    # black, and a mean below the threshold, hide the lit corners: (3, 3, 4, 0)
    assert black["mean"]["value"] == mean["mean"]["value"] == pytest.approx((3 / 4 + 3 / 4 + 1 + 0) / 4)
    assert black["worst"]["value"] == 1 / 4
    assert black["mean"]["n"] == black["worst"]["n"] == 4
    assert done[-1] == (12, 12)


def test_blur_and_bounds(classifier, split):
    found = occlusion_accuracy(classifier, split, patch=3, stride=1, masks=("blur",))["masks"][0]
    assert found["worst"]["value"] <= found["mean"]["value"] <= 1


def test_bad_input_is_refused(classifier, split):
    with pytest.raises(InputError, match="give mean"):
        occlusion_accuracy(classifier, split, patch=2, stride=2)
    with pytest.raises(InputError, match="patch is 5"):
        occlusion_accuracy(classifier, split, patch=5, stride=2)
    with pytest.raises(InputError, match="empty"):
        occlusion_accuracy(classifier, split.take(slice(0, 0)), patch=2, stride=2)
