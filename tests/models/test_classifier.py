"""What a Classifier promises."""

import pytest
import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad


def linear(channels: int = 1, **fields) -> Classifier:
    network = nn.Sequential(nn.Flatten(), nn.Linear(channels * 4, 2))
    given = {"mean": [0.5] * channels, "std": [0.25] * channels, "classes": ("a", "b"), "input_size": 2}
    return Classifier(network, **(given | fields))


def test_normalises_inside() -> None:
    classifier = linear(2, mean=(0.1, 0.2), std=(0.5, 0.25)).eval()
    images = torch.rand(3, 2, 2, 2)
    by_hand = torch.stack([(images[:, 0] - 0.1) / 0.5, (images[:, 1] - 0.2) / 0.25], 1)
    assert torch.equal(classifier(images), classifier.network(by_hand))


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (torch.full((1, 1, 2, 2), 255.0), "range from 255 to 255"),
        (torch.full((1, 1, 2, 2), -0.1), "range from -0.1"),
        (torch.full((1, 1, 2, 2), float("nan")), "range from nan"),
        (torch.zeros(1, 1, 2, 2, dtype=torch.uint8), "torch.uint8"),
        (torch.zeros(1, 2, 2), "shape"),
        (torch.zeros(0, 1, 2, 2), "empty"),
        (torch.zeros(1, 3, 2, 2), "3 channels"),
    ],
)
def test_refuses_what_is_not_an_image(images: torch.Tensor, says: str) -> None:
    with pytest.raises(InputError, match=says):
        linear().eval()(images)


def test_training_may_step_outside_the_range() -> None:
    assert linear().train()(torch.full((1, 1, 2, 2), 1.5)).shape == (1, 2)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"mean": (0.5, 0.5)}, "mean has 2"),
        ({"std": (0.0,)}, "above 0"),
        ({"classes": ("a", "a")}, "two different"),
        ({"classes": ("a",)}, "two different"),
    ],
)
def test_refuses_nonsense(fields: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        linear(**fields)


class Backwards(nn.Module):
    """Runs its layers in another order than it lists them, one of them twice, and one never."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 2)
        self.never = nn.ReLU()
        self.twice = nn.ReLU()
        self.first = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.twice(self.twice(self.first(x))).flatten(1))


def test_layers_stand_in_the_order_in_which_they_run() -> None:
    classifier = Classifier(Backwards(), mean=(0,), std=(1,), classes=("a", "b"), input_size=2)
    assert list(classifier.layers()) == ["first", "twice", "last"]
    assert list(classifier.convolutions()) == ["first"]
    assert not any(module._forward_hooks for module in classifier.modules())


def test_a_parametrised_layer_is_still_a_layer() -> None:
    network = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 2, 1)), nn.Flatten())
    classifier = Classifier(network, mean=(0,), std=(1,), classes=("a", "b"), input_size=1)
    assert list(classifier.convolutions()) == ["0"]


def test_frozen_restores_everything_even_after_a_failure() -> None:
    classifier = Classifier(Backwards(), mean=(0,), std=(1,), classes=("a", "b"), input_size=2).train()
    classifier.network.twice.eval()
    classifier.network.last.weight.requires_grad_(False)
    modes = [module.training for module in classifier.modules()]
    flags = [parameter.requires_grad for parameter in classifier.parameters()]
    with pytest.raises(ZeroDivisionError), eval_without_grad(classifier):
        assert not any(module.training for module in classifier.modules())
        assert not any(parameter.requires_grad for parameter in classifier.parameters())
        raise ZeroDivisionError
    assert [module.training for module in classifier.modules()] == modes
    assert [parameter.requires_grad for parameter in classifier.parameters()] == flags
    with pytest.raises(InputError):  # and images are checked again
        classifier.eval()(torch.full((1, 1, 2, 2), 2.0))
