"""Grad-CAM++: the published formula, by hand."""

import pytest
import torch
from torch import nn

from ironglass.explain import GradCAMPlusPlus
from ironglass.models import Classifier


def published(output, gradient, eps):
    """The formula as it is written, for an output that has been through a ReLU."""
    square, cube = gradient**2, gradient**3
    alpha = square / (2 * square + cube * output.sum((2, 3), keepdim=True) + eps)
    weights = (torch.where(gradient != 0, alpha, 0) * gradient.relu()).sum((2, 3))
    return (weights[:, :, None, None] * output).sum(1, keepdim=True)


@pytest.mark.parametrize("eps", [0.0, 1e-6])
def test_the_published_formula(relu_network, eps):
    classifier, images, targets = relu_network(), torch.rand(3, 3, 12, 12), torch.tensor([0, 2, 1])
    network = classifier.network
    output = network[:6]((images - 0.4) / 0.3).detach().requires_grad_()
    score = network[6:](output).gather(1, targets[:, None]).sum()
    gradient = torch.autograd.grad(score, output)[0]
    maps = GradCAMPlusPlus(layers=("5",), eps=eps)(classifier, images, targets)["5"]
    expected = published(output.detach(), gradient, eps)
    assert expected.any()
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=float(1e-5 * expected.abs().max()))


def test_places_have_their_own_weight_by_hand():
    # A = (1, 3), logit = 2·A₀ − A₁: g = (2, −1), Σ A = 4, α₀ = 4 / (8 + 8 · 4) = 1/10, weight = 2/10
    convolution = nn.Conv2d(1, 1, 1, bias=False)
    convolution.weight.data.fill_(4)
    head = nn.Linear(2, 2, bias=False)
    head.weight.data = torch.tensor([[2.0, -1.0], [0.0, 0.0]])
    network = nn.Sequential(convolution, nn.Flatten(), head)
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=(1, 2))
    maps = GradCAMPlusPlus()(classifier, torch.tensor([[[[0.25, 0.75]]]]), torch.tensor([0]))["0"]
    torch.testing.assert_close(maps, torch.tensor([[[[0.2, 0.6]]]]))


def test_negative_outputs_and_tiny_gradients_stay_finite(relu_network):
    classifier = relu_network()
    classifier.network[-1].weight.data *= 1e-30  # g² is 0 in float32
    maps = GradCAMPlusPlus()(classifier, torch.rand(2, 3, 12, 12), torch.tensor([0, 1]))
    assert all(found.isfinite().all() for found in maps.values())
    assert any(found.any() for found in maps.values())
