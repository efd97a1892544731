"""FGSM over several sizes."""

import pytest
import torch
from torch import nn

from ironglass.attacks import FGSM, L2, THREATS, Linf, fgsm_sweep
from ironglass.errors import InputError
from ironglass.models import Classifier


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(12, 3)
        self.passes = 0

    def forward(self, images):
        self.passes += 1
        return self.head(images.flatten(1))


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    return Classifier(Counting(), mean=(0.5,) * 3, std=(0.5,) * 3, classes=tuple("abc"), input_size=2)


@pytest.mark.parametrize("norm", THREATS)
def test_a_sweep_is_fgsm_at_each_eps_from_one_pass(classifier, norm):
    images, labels, sizes = torch.rand(4, 3, 2, 2), torch.tensor([0, 1, 2, 0]), [0.0, 0.03, 0.5]
    swept = list(fgsm_sweep(classifier, images, labels, sizes, threat=THREATS[norm]))
    assert classifier.network.passes == 1
    for size, adversarial in zip(sizes, swept, strict=True):
        assert torch.equal(adversarial, FGSM(threat=THREATS[norm](size))(classifier, images, labels))
    assert torch.equal(swept[0], images)


def test_a_bad_eps_is_refused_before_any_pass(classifier):
    with pytest.raises(InputError):
        fgsm_sweep(classifier, torch.rand(1, 3, 2, 2), torch.tensor([0]), [0.1, -0.1])
    assert classifier.network.passes == 0


def test_the_usual_threat():
    assert FGSM().threat == Linf(8 / 255)
    assert FGSM(threat=L2(0.5)).threat.eps == 0.5
