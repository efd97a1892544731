"""An assumed order of a network's outputs is tried out against the best other one."""

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.measure.class_order import compare_orders, order_warning
from ironglass.models import Classifier

NAMES = ("ant", "bee", "cat", "dog", "elk")


class Nearest(nn.Module):
    """Names the class whose brightness is nearest; output i stands for class `order[i]`."""

    def __init__(self, order: list[int], noise: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("grey", torch.linspace(0.1, 0.9, len(order))[order])
        self.noise = noise

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        drawn = (images[:, 0, 0, 0] * 9973 % 1 - 0.5) * self.noise  # by the image, the same each time
        return -(((images[:, 0, 1:].mean((1, 2)) + drawn)[:, None] - self.grey) ** 2)


def split(n: int = 300, shares: tuple[float, ...] = (0.2,) * 5, seed: int = 0) -> Split:
    random = np.random.default_rng(seed)
    labels = random.choice(5, n, p=shares)
    pixels = np.linspace(0.1, 0.9, 5)[labels, None, None, None] * 255 + random.normal(0, 4, (n, 8, 8, 3))
    pixels[:, 0] = random.integers(0, 256, (n, 8, 3))
    return Split(pixels.clip(0, 255).astype(np.uint8), labels)


def classifier(network: nn.Module) -> Classifier:
    return Classifier(network, mean=[0.0] * 3, std=[1.0] * 3, classes=NAMES, input_size=8)


ORDERS = [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 0, 2, 3, 4], [2, 0, 1, 4, 3], [0, 1, 3, 4, 2]]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("noise", [0.0, 0.25])
def test_warns_exactly_where_another_order_is_right(order, noise):
    found = compare_orders(classifier(Nearest(order, noise)), split())
    assert found["order"] == (None if order == ORDERS[0] else order)
    assert found["n"] == 128
    said = order_warning(found, NAMES)
    assert bool(said) == (order != ORDERS[0])
    if said:
        assert f"--classes {','.join(NAMES[i] for i in order)} " in said
        assert f"of 128 validation images {found['right']} are read right" in said


def test_says_nothing_of_networks_that_guess():
    """The best of 120 orders is better by chance, and on the images that it was not chosen by no more."""
    torch.manual_seed(0)
    warned = 0
    for seed in range(100):
        guessing = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
        warned += compare_orders(classifier(guessing), split(seed=seed).take(np.arange(64)))["order"] is not None
    assert warned <= 3


@pytest.mark.parametrize("always", range(5))
def test_says_nothing_of_a_network_that_names_one_class(always):
    class One(nn.Module):
        def forward(self, images):
            return torch.eye(5)[always].expand(len(images), 5)

    assert compare_orders(classifier(One()), split(shares=(0.05, 0.05, 0.8, 0.05, 0.05)))["order"] is None


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_few_images_are_too_few(n):
    assert compare_orders(classifier(Nearest([4, 3, 2, 1, 0])), split(n))["order"] is None


def test_outputs_that_are_no_numbers_are_right_in_no_order():
    class Nothing(nn.Module):
        def forward(self, images):
            return torch.full((len(images), 5), torch.nan)

    found = compare_orders(classifier(nn.Sequential(Nearest([0, 1, 2, 3, 4]))), split())
    assert found["right"] == found["n"]
    broken = classifier(Nearest([0, 1, 2, 3, 4]))
    broken.network = Nothing()
    assert compare_orders(broken, split()) == {"n": 128, "right": 0, "otherwise": 0, "order": None}


def test_many_classes_and_odd_names_are_not_written_out():
    found = {"n": 9, "right": 0, "otherwise": 9, "order": [1, 0]}
    assert "--classes 'b c,a' if" in order_warning(found, ("a", "b c"))
    assert "in another order: give --classes if" in order_warning(found, ("a, or b", "c"))
    many = {**found, "order": list(range(30))[::-1]}
    assert "in another order: give --classes if" in order_warning(many, tuple(map(str, range(30))))
