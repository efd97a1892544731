"""Layer notes on planted networks, where every number is known beforehand."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.layers.analysis import layer_notes, replaced
from ironglass.models import Classifier


def identity_convolution() -> nn.Conv2d:
    layer = nn.Conv2d(1, 1, 1, bias=False)
    layer.weight.data.fill_(1.0)
    return layer


class Sides(nn.Module):
    """Class 1 where the right half is brighter than the left: nothing but layout."""

    def __init__(self):
        super().__init__()
        self.first, self.activation, self.second = identity_convolution(), nn.ReLU(inplace=True), identity_convolution()

    def forward(self, images):
        light = self.second(self.activation(self.first(images)))
        side = 9 * (light[..., 4:] - light[..., :4]).mean((1, 2, 3))
        return torch.stack((-side, side - 1e-4), 1)


class Light(nn.Module):
    """Class 1 where the image is bright: no layout at all; a second layer beside the path adds nothing."""

    def __init__(self):
        super().__init__()
        self.first, self.beside = identity_convolution(), identity_convolution()

    def forward(self, images):
        light = self.first(images)
        light = 9 * ((light + 1e-3 * self.beside(light)).mean((1, 2, 3)) - 0.5)
        return torch.stack((-light, light), 1)


def split_of(n: int, seed: int, *, sides: bool) -> Split:
    """Noise with one bright half (label: which), or noise around a bright or dark level (label: bright)."""
    draw = np.random.default_rng(seed)
    labels = np.sort(np.arange(n) % 2)  # by class, as folders are
    noise = draw.uniform(-0.05, 0.05, (n, 8, 8, 1))
    side = np.where(np.arange(8) >= 4, 1, -1)[None, None, :, None] * (2 * labels - 1)[:, None, None, None]
    level = 0.5 + 0.3 * (side if sides else (2 * labels - 1)[:, None, None, None])
    pixels = np.round(255 * np.clip(level + noise, 0, 1)).astype(np.uint8)
    return Split(np.broadcast_to(pixels, (n, 8, 8, 1)).copy(), labels.astype(np.int64), tuple(map(str, range(n))))


def notes_of(network: nn.Module, *, sides: bool, **settings):
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=8).train()
    train, test = split_of(80, 1, sides=sides), split_of(60, 2, sides=sides)
    return layer_notes(classifier, train, test, patch=2, stride=2, batch_size=16, **settings)


def test_where_only_layout_matters():
    found = notes_of(Sides(), sides=True)
    assert (found["samples"], found["probe_train"], found["probe_test"]) == (60, 80, 60)
    assert (found["chance"], found["clean"]["value"]) == (0.5, 1)
    assert [layer["name"] for layer in found["layers"]] == ["first", "second"]
    for layer in found["layers"]:
        assert layer["shape"] == [1, 8, 8]
        assert layer["probe"]["value"] < 0.75
        assert layer["without_layout"]["value"] == 0.5
        assert layer["without_layer"]["value"] == 0.5  # a chain: one constant prediction
        assert "without its layout accuracy falls from 100 % to 50 %, not surely better than guessing" in layer["note"]
    json.dumps(found, allow_nan=False)


def test_where_layout_does_not_matter():
    first, beside = notes_of(Light(), sides=False)["layers"]
    for layer in (first, beside):
        assert layer["probe"]["value"] == 1
        assert layer["without_layout"]["value"] == 1
        assert "without its layout accuracy stays at 100 %" in layer["note"]
        assert "as good as the whole network" in layer["note"]
    assert first["without_layer"]["value"] == 0.5
    assert beside["without_layer"]["value"] == 1  # beside the path nothing is lost
    assert "without the layer accuracy stays at 100 %" in beside["note"]


def test_numbers_of_images_and_progress():
    done = []
    found = notes_of(Sides(), sides=True, images=30, samples=10, progress=lambda *step: done.append(step))
    assert (found["samples"], found["probe_test"], found["clean"]["n"]) == (10, 30, 30)
    assert found["layers"][0]["concentration"]["n"] == 10
    assert found["layers"][0]["without_layout"]["n"] == 30
    assert found["chance"] == 0.5  # evenly spaced, so both classes are there
    assert [step for step, _ in done] == list(range(1, len(done) + 1))
    assert done[-1][0] == done[-1][1]


def test_same_bits_and_the_classifier_as_before():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, 3, stride=2, groups=2),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 2),
    )
    network[0].weight.requires_grad_(False)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    first, second = (notes_of(network, sides=True) for _ in range(2))
    assert first == second
    assert network.training
    assert not network[0].weight.requires_grad
    assert network[0].bias.requires_grad
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_replaced_by_hand_under_an_in_place_activation():
    network = nn.Sequential(identity_convolution(), nn.ReLU(inplace=True))
    images = torch.tensor([[-1.0, 3.0], [5.0, 1.0]]).view(2, 1, 1, 2)
    constant = torch.tensor([-2.0])
    with replaced(network[0], lambda output: output.mean((2, 3), keepdim=True)), torch.no_grad():
        assert network(images).flatten().tolist() == [1, 1, 3, 3]
    with replaced(network[0], lambda output: constant.view(1, 1, 1, 1)), torch.no_grad():
        assert network(images).flatten().tolist() == [0, 0, 0, 0]
    assert constant.item() == -2
    with torch.no_grad():
        assert network(images).flatten().tolist() == [0, 3, 5, 1]


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="no convolutional layer"):
        notes_of(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), sides=True)
    broken = Sides()
    broken.first.weight.data.fill_(torch.nan)
    with pytest.raises(InputError, match="'first' gives numbers that are not finite"):
        notes_of(broken, sides=True)
    classifier = Classifier(Sides(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=8)
    split = split_of(6, 1, sides=True)
    with pytest.raises(InputError, match="empty"):
        layer_notes(classifier, split.take(slice(0, 0)), split, patch=2, stride=2)
