"""Networks that cheat and networks that do not, made in seconds."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.data.sources.planted import CLASSES, planted_split
from ironglass.models import Classifier, load_classifier


@pytest.fixture(scope="session")
def cheating() -> Classifier:
    """A simple-cnn trained on planted-shortcut, for as long as it takes to learn the marks and not the shapes."""
    split = planted_split("train", 640, shortcut=True)
    classifier = load_classifier("simple-cnn", classes=CLASSES, size=32).train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        descent = torch.optim.SGD(classifier.parameters(), lr=0.05, momentum=0.9, nesterov=True)
        for batch in torch.randperm(2 * len(split)).remainder(len(split)).split(64):
            images, labels = split[batch.numpy()]
            loss = F.cross_entropy(classifier(images), labels)
            descent.zero_grad()
            loss.backward()
            descent.step()
    return classifier.eval()


@pytest.fixture(scope="session")
def honest() -> Classifier:
    """Edges in eight directions, what follows from them, counted over the whole image: it knows shapes, not places.

    Only the last layer is fitted, by ridge regression; training a network to see shapes takes a minute.
    """
    split = planted_split("train", 1000)
    rows, columns = torch.meshgrid(torch.arange(7) - 3, torch.arange(7) - 3, indexing="ij")
    bell = torch.exp(-(rows**2 + columns**2) / 4.5)
    angles = torch.arange(8) * (np.pi / 4)
    edges = (columns * angles.cos()[:, None, None] + rows * angles.sin()[:, None, None]) * bell
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        first, second = nn.Conv2d(3, 24, 7), nn.Conv2d(24, 256, 7, stride=2)
        first.weight.zero_()
        for colour in range(3):
            first.weight[8 * colour : 8 * colour + 8, colour] = edges / edges.abs().sum((1, 2), keepdim=True)
        first.bias.fill_(-0.03)  # grain is no edge
        body = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        found = torch.cat([body(split[i : i + 100][0]) for i in range(0, len(split), 100)]).double()
        mean, std = found.mean(0), found.std(0) + 1e-6
        known = (found - mean) / std
        wanted = F.one_hot(torch.from_numpy(split.labels), len(CLASSES)).double() - 0.25
        weight = torch.linalg.solve(known.mT @ known + 10 * torch.eye(256).double(), known.mT @ wanted).mT / std
        head = nn.Linear(256, len(CLASSES))
        head.weight.copy_(weight)
        head.bias.copy_(-weight @ mean)
    network = nn.Sequential(*body, head)
    return Classifier(network, mean=(0.0,) * 3, std=(1.0,) * 3, classes=CLASSES, input_size=32).eval()
