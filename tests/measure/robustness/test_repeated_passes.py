"""Passes shared between a verdict's checks show what separate ones do, and are separate where anything differs."""

import pytest
import torch
from torch import nn

from ironglass.attacks import climbed_gradient
from ironglass.attacks.parts.scores import outputs_of
from ironglass.measure.robustness import repeated_passes as room
from ironglass.measure.robustness.repeated_passes import observe_clean, pass_twice
from ironglass.models import Classifier

N = 10


class Counting(nn.Module):
    """Counts the images that pass, of those with a graph apart."""

    def __init__(self, end=None):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head, self.end, self.counts = nn.Linear(8, 4), end or nn.Identity(), []

    def forward(self, x):
        self.counts.append((len(x), x.requires_grad))
        return self.end(20 * self.head(self.body(x)))


class AgainstTheMean(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


class Drawn(nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)


class OnlyWithoutGraph(nn.Module):
    """Draws where no gradient is recorded."""

    def forward(self, x):
        return x if torch.is_grad_enabled() else x + torch.rand_like(x)


def case(end=None):
    torch.manual_seed(0)
    network = Counting(end)
    classifier = Classifier(network, mean=(0.4,) * 3, std=(0.3,) * 3, classes=list("abcd"), input_size=8)
    images, labels = torch.rand(N, 3, 8, 8), torch.arange(N) % 4
    climbed_gradient(classifier, images, labels)  # what can be folded is found once
    network.counts.clear()
    return classifier, images, labels


def test_nothing_differs_but_the_number_of_passes():
    classifier, images, labels = case()
    observed = observe_clean(classifier, images, labels)
    assert classifier.network.counts == [(N, False), (N // 2, True), (N // 2, True)]
    separate = pass_twice(classifier, images)
    assert torch.equal(observed.passes.logits, separate.logits)
    torch.testing.assert_close(observed.passes.again, separate.again)
    torch.testing.assert_close(observed.passes.moved, separate.moved)
    assert observed.passes.autograd is separate.autograd is False
    torch.testing.assert_close(observed.gradient, climbed_gradient(classifier, images, labels))
    expected = outputs_of(classifier, images)
    assert observed.outputs.top_over_mean == pytest.approx(expected.top_over_mean, rel=1e-5)
    assert (observed.outputs.squash, observed.outputs.factor) == (expected.squash, expected.factor)


@pytest.mark.parametrize("end", [AgainstTheMean, Drawn, OnlyWithoutGraph, lambda: nn.Softmax(1), nn.Sigmoid])
def test_where_anything_differs_all_is_done_pass_by_pass(monkeypatch, end):
    classifier, images, labels = case(end())
    separate = []
    for name in ("climbed_gradient", "outputs_of", "_second"):
        real = getattr(room, name)
        monkeypatch.setattr(room, name, lambda *inputs, real=real, name=name: separate.append(name) or real(*inputs))
    observed = observe_clean(classifier, images, labels)
    assert separate == ["_second", "climbed_gradient", "outputs_of"]
    assert observed.outputs == outputs_of(classifier, images) or isinstance(
        classifier.network.end, Drawn | OnlyWithoutGraph
    )


def test_a_gradient_that_is_no_number_is_kept():
    class Root(nn.Module):
        def forward(self, x):
            return x + torch.sqrt(x - x.detach())  # slope infinite, value unchanged

    classifier, images, labels = case(Root())
    assert not observe_clean(classifier, images, labels).gradient.isfinite().any()


def test_few_images_keep_their_own_way():
    classifier, images, labels = case()
    observed = observe_clean(classifier, images[:3], labels[:3])
    torch.testing.assert_close(observed.gradient, climbed_gradient(classifier, images[:3], labels[:3]))
    assert (3, True) in classifier.network.counts
