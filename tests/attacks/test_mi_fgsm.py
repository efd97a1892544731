"""Momentum, by hand and against plain steps."""

import pytest
import torch
from torch import nn

from ironglass.attacks import FGSM, L2, MIFGSM, PGD, Linf, ascend
from ironglass.errors import InputError
from ironglass.models import Classifier


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 32), nn.Tanh(), nn.Linear(32, 4))
    return Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=tuple("abcd"), input_size=4)


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 3, 0])


def test_ascend_with_momentum_by_hand():
    # the first gradient is (4, 0), later ones (0, 4): means |g| are 2, so v is (2, 0), (1, 2), (0.5, 3)
    seen = []

    def loss(images):
        seen.append(images)
        weight = torch.tensor([[4.0, 0.0]]) if len(seen) == 1 else torch.tensor([[0.0, 4.0]])
        return (images.flatten(1) * weight).sum(1)

    images = torch.full((1, 1, 1, 2), 0.5)
    found = ascend(loss, images, L2(1.0), steps=3, step_size=0.1, momentum=0.5)
    steps = [torch.tensor(v) / torch.tensor(v).norm() for v in ([2.0, 0.0], [1.0, 2.0], [0.5, 3.0])]
    torch.testing.assert_close(found.flatten(), 0.5 + 0.1 * sum(steps))


def test_without_momentum_it_is_plain_steps(classifier, batch):
    plain = PGD(threat=Linf(0.05), steps=4, step_size=0.0125, random_start=False)(classifier, *batch)
    assert torch.equal(MIFGSM(threat=Linf(0.05), steps=4, momentum=0.0)(classifier, *batch), plain)
    assert not torch.equal(MIFGSM(threat=Linf(0.05), steps=4)(classifier, *batch), plain)
    assert torch.equal(
        MIFGSM(threat=Linf(0.05), steps=1)(classifier, *batch), FGSM(threat=Linf(0.05))(classifier, *batch)
    )


def test_pgd_with_momentum_is_the_same(classifier, batch):
    pgd = PGD(threat=Linf(0.05), steps=4, step_size=0.0125, random_start=False, momentum=0.9)
    assert torch.equal(MIFGSM(threat=Linf(0.05), steps=4, momentum=0.9)(classifier, *batch), pgd(classifier, *batch))


@pytest.mark.parametrize("fields", [{"steps": 0}, {"momentum": -0.1}, {"momentum": float("nan")}])
@pytest.mark.parametrize("attack", [MIFGSM, PGD])
def test_bad_settings_are_refused(attack, fields):
    with pytest.raises(InputError, match=r"MI-FGSM|PGD"):
        attack(**fields)
