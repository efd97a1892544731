"""The graph that bounds are computed on computes what the network does, or is refused with the reason."""

import pytest
import torch
from torch import Tensor, nn

import ironglass as ig
from ironglass.engine.bounds.graph import bound_graph
from random_classifiers import random_classifier


@pytest.mark.parametrize("name", ["simple-cnn", "logistic", "maxout", "strided-cnn", "timm/resnet18"])
def test_named_networks(name: str) -> None:
    classifier = ig.load_classifier(name, classes=list("abc"), size=32, channels=3)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    graph = bound_graph(classifier.eval(), (32, 32))
    with torch.no_grad():
        own, traced = classifier(images), graph.logits(images)
    torch.testing.assert_close(traced.float(), own, rtol=1e-4, atol=1e-5)


def test_random_networks() -> None:
    for seed in range(60):
        classifier = random_classifier(seed)
        height, width = classifier.input_size
        images = torch.rand(3, classifier.channels, height, width, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            own, traced = classifier(images), bound_graph(classifier, (height, width)).logits(images)
        assert (traced - own).abs().max() <= 1e-4 * max(1, own.abs().max()), seed


def classifier_of(network: nn.Module) -> ig.Classifier:
    return ig.Classifier(network.eval(), mean=[0.5], std=[0.5], classes=list("ab"), input_size=4)


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(16, 2)

    def forward(self, images: Tensor) -> Tensor:
        features = images.flatten(1)
        return self.linear(features if features.sum() > 0 else -features)


class Gate(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps * maps.mean((2, 3), keepdim=True)


REFUSED = {
    "gelu": (
        nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.GELU(), nn.Linear(4, 2)),
        r"bounds do not cover GELU \(2\)",
    ),
    "gate": (nn.Sequential(Gate(), nn.Flatten(), nn.Linear(16, 2)), r"bounds do not cover mul \(mul\)"),
    "branch": (Branching(), "torch.fx cannot trace it"),
    "softmax": (nn.Sequential(nn.Flatten(), nn.Linear(16, 2), nn.Softmax(1)), r"do not cover Softmax \(2\)"),
    "circular": (
        nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"), nn.Flatten(), nn.Linear(16, 2)),
        r"do not cover Conv2d \(0\)",
    ),
    "half": (nn.Sequential(nn.Flatten(), nn.Linear(16, 2)).half(), "computes in float16"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_covered_is_named(name: str) -> None:
    network, message = REFUSED[name]
    images = torch.rand(2, 1, 4, 4)
    with pytest.raises(ig.InputError, match=message):
        ig.certify(classifier_of(network), images, torch.tensor([0, 1]), eps=0.01)


class Counting(nn.Module):
    """A network whose trace is frozen at what it saw: it answers differently the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.passes = nn.Linear(16, 2), 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        return self.linear(images.flatten(1)) * (1 + self.passes)


def test_a_trace_that_differs_is_refused() -> None:
    with pytest.raises(ig.InputError, match="logits that differ from its own"):
        ig.certify(classifier_of(Counting()), torch.rand(2, 1, 4, 4), torch.tensor([0, 1]), eps=0.01)
