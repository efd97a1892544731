"""The noise of a score against what a linear network's noise must be."""

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.measure.maps.score_noise import DRAWS, RADIUS, score_noise
from ironglass.models.classifier import Classifier

SIDE = 8


def linear(weight: float) -> Classifier:
    network = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([torch.full((SIDE * SIDE,), weight), torch.zeros(SIDE * SIDE)]))
        network[1].bias.zero_()
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=SIDE)


def noise(weight: float, value: float = 0.5, count: int = 200) -> dict[str, float]:
    images, targets = torch.full((count, 1, SIDE, SIDE), value), torch.zeros(count, dtype=torch.int64)
    rows = score_noise(linear(weight), images, targets, torch.Generator().manual_seed(0))
    return {unit: float(np.sqrt(np.mean([row[unit] ** 2 for row in rows]))) for unit in ("probability", "logit")}


def test_of_a_linear_network_it_is_twice_the_deviation_of_its_sum() -> None:
    assert DRAWS == 8
    deviation = 0.3 * np.sqrt(SIDE * SIDE) * RADIUS / np.sqrt(3)
    assert noise(0.3)["logit"] == pytest.approx(2 * deviation, rel=0.05)
    share = 1 / (1 + np.exp(-0.01 * SIDE * SIDE * 0.5))  # steep nowhere: the slope says it
    small = 0.01 * np.sqrt(SIDE * SIDE) * RADIUS / np.sqrt(3)
    assert noise(0.01)["probability"] == pytest.approx(2 * small * share * (1 - share), rel=0.05)


def test_a_network_that_looks_at_nothing_has_none_and_a_black_image_less() -> None:
    assert noise(0.0) == {"probability": 0.0, "logit": 0.0}
    assert noise(0.3, 0.0)["logit"] > 0
    same = [noise(0.3, count=3) for _ in range(2)]
    assert same[0] == same[1]
