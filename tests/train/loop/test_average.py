"""The moving average, by hand."""

import pytest
import torch
from torch import nn

from ironglass.models import Classifier
from ironglass.train.loop.average import Average


def test_the_first_steps_by_hand() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(1, 2, bias=False))
    classifier = Classifier(network, mean=(0,), std=(1,), classes=("a", "b"), input_size=1)
    weight = network[1].weight
    nn.init.zeros_(weight)
    average = Average(classifier, 0.15)
    nn.init.ones_(weight)
    average.update(classifier, 0)  # decay (1 + 0) / (10 + 0) = 0.1
    assert average.classifier.network[1].weight[0].item() == pytest.approx(0.9)
    average.update(classifier, 1)  # decay min(0.15, 2 / 11) = 0.15
    assert average.classifier.network[1].weight[0].item() == pytest.approx(0.15 * 0.9 + 0.85)
    assert torch.equal(weight, torch.ones(2, 1))
    assert not average.classifier.training
