"""A small network with everything that an objective could disturb, and a record of what it is given."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ironglass.harden import AWP, OBJECTIVES, Free
from ironglass.models import Classifier


def _call(objective, classifier, images, labels):
    """The loss and the logits; of free training, those of its second replay."""
    if isinstance(objective, Free):
        change = objective.replay(classifier, images, labels)[2]
        return objective.replay(classifier, images, labels, change)[:2]
    return objective(classifier, images, labels)


def _sized(name, eps):
    """The named objective, or AWP around PGD, with that eps."""
    objective = OBJECTIVES["pgd" if name == "awp" else name]
    objective = replace(objective, **{"adv_step_size" if hasattr(objective, "adv_step_size") else "eps": eps})
    return AWP(objective=objective) if name == "awp" else objective


class Given:
    """What the classifier is given, and in which mode, pass by pass."""

    def __init__(self, classifier: Classifier) -> None:
        self.images: list[torch.Tensor] = []
        self.training: list[bool] = []
        self.forward = self.backward = 0
        classifier.register_forward_pre_hook(self._before)
        classifier.network[1].register_full_backward_hook(self._backward)

    def _before(self, module, given):
        self.images.append(given[0].detach().clone())
        self.training.append(module.training)
        self.forward += 1

    def _backward(self, *_):
        self.backward += 1


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 5)
    )
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=tuple("abcde"), input_size=8)
    return classifier.train()


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    images = torch.rand(6, 3, 8, 8, generator=generator)
    images[0], images[1] = 0, 1  # at the border
    return images, torch.tensor([0, 1, 2, 3, 4, 0])


@pytest.fixture
def call():
    return _call


@pytest.fixture
def sized():
    return _sized


@pytest.fixture
def watch():
    return Given
