"""The loop and its gradient."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.attacks import Linf, ascend, input_gradient
from ironglass.attacks.parts.ascent import gradient_of
from ironglass.attacks.parts.losses import cross_entropy
from ironglass.models import Classifier


def test_cross_entropy_is_torchs():
    torch.manual_seed(0)
    logits, labels = (5 * torch.randn(40, 7)).requires_grad_(), torch.randint(7, (40,))
    ours, theirs = cross_entropy(logits, labels), F.cross_entropy(logits, labels, reduction="none")
    torch.testing.assert_close(ours, theirs)
    (ours_slope,) = torch.autograd.grad(ours.sum(), logits)
    (theirs_slope,) = torch.autograd.grad(theirs.sum(), logits)
    torch.testing.assert_close(ours_slope, theirs_slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("lead", [10.0, 30.0, 60.0])
def test_cross_entropy_keeps_the_gradient_of_a_confident_network(lead):
    logits = torch.tensor([[lead, 0.0, -1.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(cross_entropy(logits, torch.tensor([0])).sum(), logits)
    exact = logits.detach().double().softmax(1)
    others = exact[0, 1:]
    torch.testing.assert_close(slope[0].double(), torch.cat((-others.sum()[None], others)), rtol=1e-5, atol=0)


def test_input_gradient_is_an_images_own():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    classifier = Classifier(network, mean=(0.1,) * 3, std=(0.5,) * 3, classes=tuple("abc"), input_size=2)
    images, labels = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 2, 0])
    found = input_gradient(classifier, images, labels)
    weight, bias = network[1].weight.detach(), network[1].bias.detach()
    p = (((images - 0.1) / 0.5).flatten(1) @ weight.T + bias).softmax(1)
    expected = (p - F.one_hot(labels, 3)) @ weight / 0.5
    torch.testing.assert_close(found.flatten(1), expected)
    assert all(parameter.grad is None for parameter in classifier.parameters())
    torch.testing.assert_close(input_gradient(classifier, images[1:2], labels[1:2]), found[1:2])


def test_ascend_by_hand():
    images = torch.full((1, 1, 1, 2), 0.5)
    peak = torch.tensor([0.58, 0.9]).view(1, 1, 1, 2)

    def loss(images):
        return -(images - peak).square().flatten(1).sum(1)

    # steps of 0.05 up: the first value overshoots at 0.6 and comes back, the second stops at the threat's border
    found = [ascend(loss, images, Linf(0.12), steps=steps, step_size=0.05) for steps in (1, 2, 3)]
    torch.testing.assert_close(torch.cat(found).flatten(1), torch.tensor([[0.55, 0.55], [0.6, 0.6], [0.55, 0.62]]))
    start = torch.full((1, 1, 1, 2), 0.4)
    torch.testing.assert_close(
        ascend(loss, images, Linf(0.12), steps=1, step_size=0.05, start=start), torch.full((1, 1, 1, 2), 0.45)
    )


def test_no_dependence_is_a_zero_gradient():
    images = torch.rand(2, 1, 2, 2)
    assert torch.equal(gradient_of(lambda images: torch.ones(2), images), torch.zeros_like(images))
    other = torch.ones(2, requires_grad=True)
    assert torch.equal(gradient_of(lambda images: other * 2, images), torch.zeros_like(images))
