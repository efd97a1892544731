"""What images are normalised by is stated in units of [0, 1], or refused."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.models import Classifier, load_classifier
from ironglass.models.normalisation import stated

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def made(mean: Any, std: Any) -> Classifier:
    return Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), mean=mean, std=std, classes=("a", "b"), input_size=2
    )


@pytest.mark.parametrize(
    ("mean", "std", "says"),
    [
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "divide by 255"),
        ((123.675, 116.28, 103.53), (0.229, 0.224, 0.225), "divide by 255"),
        (IMAGENET[0], (58.395, 57.12, 57.375), "divide by 255"),
        ((104, 117, 124), (1, 1, 1), "divide by 255"),
        ((127.5,) * 3, (127.5,) * 3, "divide by 255"),
        ((0.5,) * 3, (0.5,) * 2, "3 channels and std 2"),
        ((), (), "empty"),
        ((-0.5,) * 3, (0.5,) * 3, "from 0 to 1"),
        ((0.5,) * 3, (0.0, 0.5, 0.5), "above 0"),
        ((0.5,) * 3, (-1.0, 0.5, 0.5), "above 0"),
        ((math.nan,) * 3, (0.5,) * 3, "one number a channel"),
        ((0.5,) * 3, (math.inf,) * 3, "one number a channel"),
        (("a",) * 3, (0.5,) * 3, "one number a channel"),
        (None, (0.5,) * 3, "one number a channel"),
        ((10**400,) * 3, (0.5,) * 3, "divide by 255"),
    ],
)
def test_refuses_what_is_not_in_units_of_the_images(mean: Any, std: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        made(mean, std)


@pytest.mark.parametrize("std", [1.0, 0.5, 1 / 255, 1e-3])
@pytest.mark.parametrize("mean", [0.0, 0.5, 1.0])
def test_takes_what_is(mean: float, std: float) -> None:
    made((mean,) * 3, (std,) * 3)


@pytest.mark.parametrize(
    ("asked", "channels", "expected"),
    [
        ({"normalise": "imagenet"}, 3, IMAGENET),
        ({"normalise": "half"}, 3, ((0.5,) * 3, (0.5,) * 3)),
        ({"normalise": "none"}, 1, ((0.0,), (1.0,))),
        ({"normalise": "imagenet"}, 1, ((0.449,), (0.226,))),
        ({"mean": 0.25, "std": 0.5}, 3, ((0.25,) * 3, (0.5,) * 3)),
        ({"mean": [0.25], "std": (0.5,)}, 3, ((0.25,) * 3, (0.5,) * 3)),
        ({"mean": IMAGENET[0], "std": IMAGENET[1]}, 3, IMAGENET),
    ],
)
def test_the_ways_to_say_it(asked: dict, channels: int, expected: tuple) -> None:
    classifier = load_classifier("simple-cnn", classes=("a", "b"), size=16, channels=channels, **asked)
    for name, values in zip(("mean", "std"), expected, strict=True):
        assert getattr(classifier, name).flatten().tolist() == pytest.approx(values)
    assert classifier.normalisation == "given"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"mean": 0.5}, "give both"),
        ({"std": 0.5}, "give both"),
        ({"mean": 0.5, "std": 0.5, "normalise": "half"}, "leave the other out"),
        ({"normalise": "caffe"}, "imagenet, half, none"),
        ({"mean": (0.5, 0.5), "std": (0.5, 0.5)}, "3 channels"),
        ({"mean": 123.0, "std": 58.0}, "divide by 255"),
    ],
)
def test_the_ways_not_to_say_it(asked: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        stated(asked.get("mean"), asked.get("std"), asked.get("normalise"), 3)


def test_a_bare_module_s_is_assumed_and_a_network_s_own_is_not() -> None:
    assert load_classifier("simple-cnn", classes=("a", "b")).normalisation == "model's configuration"
    assert load_classifier("timm/resnet10t", classes=("a", "b"), size=32).normalisation == "model's configuration"
    assert made((0.5,) * 3, (0.5,) * 3).normalisation == "given"
    assert torch.equal(made((0.5,) * 3, (0.5,) * 3).mean.flatten(), torch.full((3,), 0.5))
