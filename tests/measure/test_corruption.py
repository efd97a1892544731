"""Accuracy on corrupted images, on even images whose corruption can be worked out by hand."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.corruption import corrupted_logits, corruption_accuracy
from ironglass.measure.statistics import counted_rate, mean_interval
from ironglass.models import Classifier


class Light(nn.Module):
    """Class 1 where an image is lighter than half, on average."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        light = images.mean((1, 2, 3)) - 0.5
        return torch.stack((-light, light), 1)


@pytest.fixture
def classifier() -> Classifier:
    return Classifier(Light(), mean=(0.0,), std=(1.0,), classes=("dark", "light"), input_size=16)


@pytest.fixture
def split() -> Split:
    greys = np.array([100, 60, 200, 200], dtype=np.uint8)
    pixels = np.broadcast_to(greys[:, None, None, None], (4, 16, 16, 1))
    return Split(pixels, np.array([0, 0, 1, 0]), tuple("abcd"))  # the last is mislabelled


def test_by_hand(classifier: Classifier, split: Split) -> None:
    done = []
    found = corruption_accuracy(
        classifier, split, ("brightness", "jpeg"), seed=3, batch_size=3, progress=lambda *at: done.append(at)
    )
    # 12.75, 25.5, 38.25, 51 and 76.5 bytes more: 100 passes 127.5 at severity 3, 60 at 5
    bright = [[1, 1, 1, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 1, 0]]
    assert found["severities"] == [1, 2, 3, 4, 5]
    assert (found["n"], found["seed"], found["side"], found["clean"]) == (4, 3, 32, counted_rate(3, 4))
    first, second = found["corruptions"]
    assert (first["name"], first["label"]) == ("brightness", "Brightness")
    assert [point["accuracy"] for point in first["points"]] == [counted_rate(sum(row), 4) for row in bright]
    assert first["mean"] == pytest.approx(mean_interval(np.array([0.4, 0.8, 1, 0]), within=(0, 1)))
    assert [point["accuracy"] for point in second["points"]] == [counted_rate(3, 4)] * 5  # an even image stays as it is
    assert found["mean"]["value"] == pytest.approx((0.7 + 0.9 + 1 + 0) / 4)
    assert found["mean"]["n"] == 4
    assert done[-1] == (40, 40)
    assert done == sorted(done)
    json.dumps(found, allow_nan=False)


def test_a_choice_of_images_is_corrupted_as_in_the_whole(classifier: Classifier, split: Split) -> None:
    whole, moved = corrupted_logits(classifier, split, "gaussian-noise", 5, np.arange(4), seed=1)
    some, less = corrupted_logits(classifier, split, "gaussian-noise", 5, np.array([3, 1]), seed=1, batch_size=1)
    assert torch.equal(whole[[3, 1]], some)
    assert moved[[3, 1]].tolist() == less.tolist()
    assert (moved > 0.2).all()  # of 256 draws of deviation 0.1 some are beyond two
    other, _ = corrupted_logits(classifier, split, "gaussian-noise", 5, np.arange(4), seed=2)
    assert not torch.equal(whole, other)
    _, bright = corrupted_logits(classifier, split, "brightness", 5, np.arange(2))
    assert bright.tolist() == pytest.approx([76 / 255] * 2, abs=1.01 / 255)


def test_all_of_grey_images(classifier: Classifier, split: Split) -> None:
    found = corruption_accuracy(classifier, split, positions=np.array([2]))
    names = [entry["name"] for entry in found["corruptions"]]
    assert "saturate" not in names
    assert len(names) == 14
    assert found["n"] == 1


def test_what_is_refused(classifier: Classifier, split: Split) -> None:
    with pytest.raises(InputError, match="saturate changes colours"):
        corruption_accuracy(classifier, split, ("saturate",))
    with pytest.raises(InputError, match="no corruption is named"):
        corruption_accuracy(classifier, split, ())
    with pytest.raises(InputError, match="no images to corrupt"):
        corruption_accuracy(classifier, split, positions=np.array([], dtype=int))
    beyond = Split(split.pixels, np.array([0, 1, 2, 0]), split.names)
    with pytest.raises(InputError, match="2 classes"):
        corruption_accuracy(classifier, beyond)
