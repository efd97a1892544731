"""The sanity check, with maps that rest on the weights and maps that do not."""

import json
from copy import deepcopy
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from ironglass.data.sources.planted import planted_split
from ironglass.errors import InputError
from ironglass.explain import GuidedBackprop, InputXGradient, Saliency
from ironglass.measure.maps.sanity import edges, last_to_first, redraw, sanity_check, take_statistics
from ironglass.models import Classifier


def wrap(network: nn.Module, channels: int = 1, size: int = 8) -> Classifier:
    return Classifier(
        network, mean=(0.0,) * channels, std=(1.0,) * channels, classes=tuple("abc"), input_size=size
    ).eval()


@dataclass(frozen=True)
class Blank:
    """A map that tells nothing, of any network."""

    def __call__(self, classifier, images, targets):
        return torch.zeros_like(images)


def test_weights_pass_and_pictures_fail():
    torch.manual_seed(0)
    linear = wrap(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    images = torch.rand(12, 1, 8, 8)
    before = deepcopy(linear.state_dict())
    seen = []
    methods = {"saliency": Saliency(), "blank": Blank()}
    found = sanity_check(linear, images, torch.arange(12) % 3, methods, progress=lambda *step: seen.append(step))
    assert json.loads(json.dumps(found)) == found
    assert found["depths"] == [{"layers": 1, "from": "1"}]
    # the gradient of a linear network is its weight, and new weights are unlike the old
    assert found["methods"]["saliency"]["verdict"] == "passes"
    assert found["methods"]["blank"] == {"correlation": None, "ssim": None, "verdict": "unclear"}
    assert found["controls"]["random"]["verdict"] == "passes"
    assert abs(found["controls"]["random"]["correlation"][0]["value"]) < 0.1
    assert found["controls"]["edges"]["verdict"] == "fails"
    assert found["controls"]["edges"]["correlation"][0]["value"] == pytest.approx(1)
    assert found["controls"]["edges"]["ssim"][0]["value"] == pytest.approx(1)
    assert seen == [(i, 4) for i in range(1, 5)]
    assert all(torch.equal(linear.state_dict()[name], value) for name, value in before.items())
    again = sanity_check(linear, images, torch.arange(12) % 3, methods)
    assert again == found
    assert sanity_check(linear, images, torch.arange(12) % 3, methods, seed=1) != found


def test_guided_backprop_outlives_the_layers_of_a_trained_network(cheating):
    images, labels = planted_split("test", 16, shortcut=True)[:]
    methods = {"saliency": Saliency(), "input-x-gradient": InputXGradient(), "guided-backprop": GuidedBackprop()}
    found = sanity_check(cheating, images, labels, methods)
    assert [depth["layers"] for depth in found["depths"]] == [1, 3, 6, 8, 11, 13]
    assert [depth["from"] for depth in found["depths"]] == ["linear", "conv6", "norm4", "norm3", "conv2", "conv1"]
    assert found["halfway"] == 2
    guided, plain = (found["methods"][name]["correlation"] for name in ("guided-backprop", "saliency"))
    assert found["methods"]["guided-backprop"]["verdict"] == "fails"
    assert found["methods"]["saliency"]["verdict"] == "passes"
    assert all(one["value"] > other["value"] for one, other in zip(guided, plain, strict=True))


def test_layers_come_last_first_whatever_the_order_of_writing():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 3)
            self.scale = nn.Parameter(torch.ones(1))
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.ReLU())
            self.norm = nn.BatchNorm1d(4, affine=False)  # statistics are learned, too
            self.never_called = nn.Linear(4, 4)

        def forward(self, images):
            return self.head(self.norm(self.body(images * self.scale) @ self.never_called.weight))

    names = [name for name, _ in last_to_first(wrap(Backwards()), torch.rand(1, 1, 8, 8))]
    assert names[:3] == ["head", "norm", "body.1"]
    assert set(names[3:]) == {"network", "never_called"}


def test_what_is_drawn_has_the_mean_and_spread_of_what_was():
    layer = nn.Conv2d(16, 64, 3)
    layer.weight.data.normal_(0.3, 0.2)
    layer.bias.data.fill_(0.7)
    before = layer.weight.detach().clone()
    redraw([layer], torch.Generator().manual_seed(0))
    assert layer.weight.mean().item() == pytest.approx(0.3, abs=0.01)
    assert layer.weight.std().item() == pytest.approx(0.2, abs=0.01)
    assert abs(torch.corrcoef(torch.stack((before.flatten(), layer.weight.detach().flatten())))[0, 1]) < 0.05
    assert layer.bias.tolist() == pytest.approx([0.7] * 64)


def test_statistics_are_those_of_the_images_in_the_layers_named():
    first, second = nn.BatchNorm2d(1), nn.BatchNorm2d(1)
    classifier = wrap(nn.Sequential(first, second, nn.Flatten(), nn.Linear(64, 3)))
    images = torch.rand(70, 1, 8, 8)  # two batches
    take_statistics(classifier, [first], images)
    assert first.running_mean is not None
    assert first.running_var is not None
    assert first.running_mean.item() == pytest.approx(images.mean().item(), abs=1e-5)
    assert first.running_var.item() == pytest.approx(images.var().item(), rel=1e-2)
    assert first.momentum == 0.1
    assert not first.training
    assert second.running_mean is not None
    assert second.running_mean.item() == 0


def test_edges_by_hand():
    images = torch.zeros(1, 3, 5, 6)
    images[..., 3:] = 1
    found = edges(images)
    assert found[0].tolist() == [[0, 0, 4, 4, 0, 0]] * 5


def test_bad_input_is_refused():
    linear = wrap(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    with pytest.raises(InputError, match="at least 2"):
        sanity_check(linear, torch.rand(1, 1, 8, 8), torch.tensor([0]), {"saliency": Saliency()})
    nothing = wrap(nn.Sequential(nn.Flatten(), nn.AdaptiveAvgPool1d(3)))
    with pytest.raises(InputError, match="no weights"):
        sanity_check(nothing, torch.rand(2, 1, 8, 8), torch.tensor([0, 1]), {"saliency": Saliency()})
