"""Classifiers that explanations are checked on."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from ironglass.models import Classifier

WEIGHT = torch.linspace(-1, 1, 3 * 48).reshape(3, 3, 4, 4)


@pytest.fixture
def linear() -> Classifier:
    """Logit k is WEIGHT[k] · x, for images of 4×4 in 3 channels."""
    head = nn.Linear(48, 3, bias=False)
    head.weight.data = WEIGHT.flatten(1).clone()
    network = nn.Sequential(nn.Flatten(), head)
    return Classifier(network, mean=(0.0,) * 3, std=(1.0,) * 3, classes=tuple("abc"), input_size=4)


@pytest.fixture
def weight() -> torch.Tensor:
    """What a change of each pixel changes in each logit of `linear`: (3, 3, 4, 4)."""
    return WEIGHT


@pytest.fixture
def relu_network() -> Callable[..., Classifier]:
    """Makes a small CNN with `activation`, always of the same weights, in evaluation mode."""

    def build(activation: Callable[[], nn.Module] = nn.ReLU) -> Classifier:
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            activation(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 8, 3, padding=1),
            activation(),
            nn.Conv2d(8, 6, 3),
            activation(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(24, 3),
        )
        return Classifier(network, mean=(0.4,) * 3, std=(0.3,) * 3, classes=tuple("abc"), input_size=12).eval()

    return build
