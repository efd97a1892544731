"""Attacks on one network at several sizes, where the outcome is known."""

import numpy as np
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.measure.robustness.white_box import white_box
from ironglass.models.classifier import Classifier

SPLIT = Split(
    np.array([51, 102, 153, 204], dtype=np.uint8).reshape(4, 1, 1, 1),
    np.array([0, 0, 1, 1], dtype=np.int64),
    ("a", "b", "c", "d"),
)


def edge(at: float) -> Classifier:
    linear = nn.Linear(1, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[0.0], [1.0]]))
        linear.bias.copy_(torch.tensor([0.0, -at]))
    return Classifier(nn.Sequential(nn.Flatten(), linear), mean=(0.0,), std=(1.0,), classes=("0", "1"), input_size=1)


def test_an_image_stands_as_long_as_eps_is_shorter_than_its_way() -> None:
    found = white_box(edge(0.5), SPLIT, ("fgsm", "pgd-20"), (0.05, 0.15, 0.4, 0), batch_size=3)
    assert [(one.attack, one.eps) for one in found] == [(a, e) for a in ("fgsm", "pgd-20") for e in (0.05, 0.15, 0.4)]
    for one in found:
        assert one.right.tolist() == [abs(x - 0.5) > one.eps for x in (0.2, 0.4, 0.6, 0.8)]


def test_the_verdict_names_what_speaks_against_the_number() -> None:
    one_step, many_steps = white_box(edge(0.5), SPLIT, ("fgsm", "pgd-20"), (0.05,))
    assert any("one step" in reason for reason in one_step.verdict["reasons"])
    assert not any("one step" in reason for reason in many_steps.verdict["reasons"])
    assert "only 4 images" in " ".join(many_steps.verdict["reasons"])
