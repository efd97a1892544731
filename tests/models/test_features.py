"""Features are the inputs of the last linear layer, and a network without one has none."""

import numpy as np
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.models.classifier import Classifier
from ironglass.models.features import BATCH, penultimate_features


def split(n: int) -> Split:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 1)).astype(np.uint8)
    return Split(pixels, np.arange(n) % 2, tuple(map(str, range(n))))


def classifier(network: nn.Module) -> Classifier:
    return Classifier(network, mean=(0.5,), std=(0.5,), classes=("ant", "bee"), input_size=4)


def test_features_times_the_last_layer_are_the_logits() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 7), nn.ReLU(), nn.Linear(7, 2))
    model, data = classifier(network), split(BATCH + 3)
    features = penultimate_features(model, data)
    assert features is not None
    assert features.shape == (BATCH + 3, 7)
    images = torch.from_numpy(data.pixels[:].astype(np.float32) / 255).permute(0, 3, 1, 2)
    with torch.no_grad():
        torch.testing.assert_close(network[3](torch.from_numpy(features)), model(images))
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_a_network_without_a_linear_layer_has_none() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 4), nn.Flatten())
    assert penultimate_features(classifier(network), split(3)) is None
