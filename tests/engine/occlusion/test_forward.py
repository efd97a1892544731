"""Many passes through the traced network: the network's own logits, or `folded`'s where they are not to be had."""

import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.engine.occlusion import forward
from ironglass.engine.occlusion.forward import MIN_IMAGES, fused_forward


class Net(nn.Module):
    def __init__(self, factor=1.0):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2, padding=2), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 16, 3), nn.ReLU()
        )
        self.head, self.factor = nn.Linear(16, 4), factor

    def forward(self, images):
        return self.head(self.body(images).mean((2, 3))) * self.factor


class Branching(Net):
    """Its graph holds the branch of stand-ins for tensors alone."""

    def forward(self, images):
        return super().forward(images) * (2 if isinstance(images, torch.Tensor) else 1)


class Counting(Net):
    """A trace calls it once, and from then on it gives the same logits for ever."""

    passes = 0

    def forward(self, images):
        self.passes += 1
        return super().forward(images) * (1 if self.passes < 6 else 3)


def classifier_of(network):
    torch.manual_seed(0)
    classifier = ig.Classifier(network, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.2), classes=list("abcd"), input_size=12)
    classifier.network.body[1].running_mean.uniform_(-1, 1)
    classifier.network.body[1].running_var.uniform_(0.5, 2)
    return classifier.eval()


@pytest.fixture
def images():
    return torch.rand(9, 3, 12, 12, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def traced(monkeypatch):
    """The results of `trace_network`, by call."""
    results = []

    def trace(network):
        results.append(real(network))
        return results[-1]

    real = forward.trace_network
    monkeypatch.setattr(forward, "trace_network", trace)
    return results


def test_logits_are_the_networks_own(images, traced):
    classifier = classifier_of(Net())
    own = classifier(images)
    with fused_forward(classifier, MIN_IMAGES) as logits_of:
        parts = [logits_of(part) for part in images.split(4)]  # the last of one image
        assert not parts[0].requires_grad
    assert len(traced) == 1
    assert traced[0] is not None
    torch.testing.assert_close(torch.cat(parts), own.detach(), rtol=1e-5, atol=1e-6)
    assert torch.equal(classifier(images), own)


def test_few_images_are_not_worth_a_trace(images, traced):
    classifier = classifier_of(Net())
    with fused_forward(classifier, MIN_IMAGES - 1) as logits_of:
        torch.testing.assert_close(logits_of(images), classifier(images), rtol=1e-5, atol=1e-6)
    assert traced == []


@pytest.mark.parametrize("kind", [Branching, Counting])
def test_a_graph_that_is_not_the_network_is_given_up(kind, images):
    network = kind()
    classifier = classifier_of(network)
    with fused_forward(classifier, MIN_IMAGES) as logits_of:
        first = logits_of(images)
        if kind is Counting:  # the fourth pass is compared again
            for _ in range(2):
                logits_of(images)
            network.passes = 6
            first = logits_of(images)
        own = classifier(images)
    torch.testing.assert_close(first, own, rtol=1e-5, atol=1e-6)


def test_broken_weights_are_not_hidden(images):
    classifier = classifier_of(Net(float("nan")))
    with fused_forward(classifier, MIN_IMAGES) as logits_of:
        assert logits_of(images).isnan().all()
