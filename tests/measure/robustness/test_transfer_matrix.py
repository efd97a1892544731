"""Images made on one network and shown to others, where both are linear and every step is known."""

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.attacks import FGSM, Linf
from ironglass.data.dataset import Split
from ironglass.measure.robustness.transfer_matrix import transfer_attack, true_answers
from ironglass.models.classifier import Classifier


def ramp(weight: float, bias: float, classes: tuple[str, ...] = ("dark", "light")) -> Classifier:
    """Says the second class where weight · (a single pixel) + bias is above 0."""
    linear = nn.Linear(1, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.0], [weight]]))
        linear.bias.copy_(torch.tensor([0.0, bias]))
    network = nn.Sequential(nn.Flatten(), linear)
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=classes, input_size=1)


SPLIT = Split(
    np.array([51, 102, 153, 204], dtype=np.uint8).reshape(4, 1, 1, 1),  # 0.2, 0.4, 0.6, 0.8
    np.array([0, 0, 1, 1], dtype=np.int64),
    ("a", "b", "c", "d"),
)
ATTACK = FGSM(threat=Linf(0.15))


def test_a_row_by_hand() -> None:
    # made on the one whose edge lies at 0.5: 0.35, 0.55, 0.45, 0.65
    victims = {"itself": ramp(1, -0.5), "earlier": ramp(1, -0.3), "turned": ramp(-1, 0.5, ("light", "dark"))}
    (right,) = transfer_attack(victims["itself"], victims, SPLIT, [ATTACK], classes=("dark", "light"))
    assert right["itself"].tolist() == [True, False, False, True]
    assert right["earlier"].tolist() == [False, False, True, True]
    assert right["turned"].tolist() == [True, False, False, True]  # the same rule, its classes in another order


def test_who_lacks_the_classes_is_attacked_and_judged_by_its_own_answers() -> None:
    stranger = ramp(1, -0.7, ("cold", "warm"))  # of the images only 0.8 is warm
    victims = {"stranger": stranger, "native": ramp(1, -0.5)}
    (right,) = transfer_attack(stranger, victims, SPLIT, [ATTACK], classes=("dark", "light"))
    # 0.2, 0.4 and 0.6 go up, 0.8 goes down: 0.35, 0.55, 0.75, 0.65
    assert right["stranger"].tolist() == [True, True, False, False]
    assert right["native"].tolist() == [True, False, True, True]


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(("dark", "light"), [0, 0, 1, 1]), (("light", "dark"), [1, 1, 0, 0]), (("cold", "warm"), [0, 0, 1, 1])],
)
def test_true_answers(classes: tuple[str, ...], expected: list[int]) -> None:
    images, labels = SPLIT[:]
    assert true_answers(ramp(1, -0.5, classes), images, labels, ("dark", "light")).tolist() == expected
