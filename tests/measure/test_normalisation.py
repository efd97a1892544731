"""An assumed normalisation is tried out against others."""

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.measure.normalisation import compare_normalisations, warning
from ironglass.models import Classifier
from ironglass.models.normalisation import PRESETS, stated


class Nearest(nn.Module):
    """Names the class whose brightness, normalised by its own numbers, is nearest."""

    def __init__(self, mean: float, std: float) -> None:
        super().__init__()
        self.register_buffer("grey", (torch.linspace(0.1, 0.9, 5) - mean) / std)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return -((images.mean((1, 2, 3))[:, None] - self.grey) ** 2)


def split(n: int = 200) -> Split:
    labels = np.arange(n) % 5
    random = np.random.default_rng(0)
    levels = np.linspace(0.1, 0.9, 5)[labels] * 255
    pixels = (levels[:, None, None, None] + random.normal(0, 4, (n, 8, 8, 3))).clip(0, 255).astype(np.uint8)
    return Split(pixels, labels)


def classifier(trained: str, used: str) -> Classifier:
    mean, std = (sum(values) / len(values) for values in PRESETS[trained])
    both = stated(None, None, used, 3)
    assert both is not None
    return Classifier(Nearest(mean, std), mean=both[0], std=both[1], classes=list("abcde"), input_size=8)


@pytest.mark.parametrize("trained", PRESETS)
@pytest.mark.parametrize("used", PRESETS)
def test_warns_exactly_where_another_is_right(trained: str, used: str) -> None:
    one = classifier(trained, used)
    before = one.mean.clone(), one.std.clone()
    found = compare_normalisations(one, split())
    assert found["better"] == (None if trained == used else trained)
    assert bool(warning(found)) == (trained != used)
    assert trained == used or f"--normalise {trained}" in warning(found)
    assert found["n"] == 64
    assert torch.equal(one.mean, before[0])
    assert torch.equal(one.std, before[1])


def test_does_not_warn_by_chance() -> None:
    """A network that guesses gains a few images under one of several ways, again and again."""
    torch.manual_seed(0)
    warned = 0
    for _ in range(60):
        network = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
        one = Classifier(network, mean=[0.0] * 3, std=[1.0] * 3, classes=list("abcde"), input_size=8)
        guessed = split()
        shuffled = Split(
            guessed.pixels, np.random.default_rng(int(torch.randint(9999, ()))).permutation(guessed.labels)
        )
        warned += bool(warning(compare_normalisations(one, shuffled)))
    assert warned <= 3


@pytest.mark.parametrize("images", ["constant", "one"])
def test_images_without_spread(images: str) -> None:
    few = split(1) if images == "one" else Split(np.zeros((9, 8, 8, 3), np.uint8), np.zeros(9, int))
    assert compare_normalisations(classifier("half", "half"), few)["better"] is None
