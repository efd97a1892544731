"""One attack at several eps: what is drawn for one eps does not depend on the others."""

from functools import partial

import pytest
import torch
from torch import nn

from ironglass.attacks import FGSM, L2, PGD, Linf
from ironglass.attacks.sizes import at_each_eps
from ironglass.models import Classifier

EPS = (0.02, 0.05, 0.1)
IMAGES = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(2))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 16), nn.Tanh(), nn.Linear(16, 3))
    return Classifier(network, mean=(0.5,) * 3, std=(0.2,) * 3, classes=tuple("abc"), input_size=4)


def made(classifier, attack, eps, norm="linf"):
    draws = partial(torch.Generator().manual_seed, 7)
    return [*at_each_eps(attack, classifier, IMAGES, LABELS, eps, norm=norm, draws=draws)]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("attack", [FGSM(), PGD(steps=3, leave=False)], ids=["fgsm", "pgd"])
def test_each_eps_gives_what_the_attack_gives_alone(classifier, attack, norm):
    threat = {"linf": Linf, "l2": L2}[norm]
    for eps, found in zip(EPS, made(classifier, attack, EPS, norm), strict=True):
        alone = type(attack)(**{**vars(attack), "threat": threat(eps)})
        expected = alone(classifier, IMAGES, LABELS, generator=torch.Generator().manual_seed(7))
        assert torch.allclose(found, expected, atol=1e-7)


def test_some_of_the_sizes_are_made_bit_for_bit_as_all_of_them_were(classifier):
    attack = PGD(steps=3, leave=False)
    whole = made(classifier, attack, EPS)
    assert not torch.equal(whole[0], whole[1])
    assert all(torch.equal(one, two) for one, two in zip(made(classifier, attack, EPS[1:]), whole[1:], strict=True))
