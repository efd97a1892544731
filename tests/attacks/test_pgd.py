"""What PGD's settings do."""

import pytest
import torch
from torch import nn

from ironglass.attacks import FGSM, PGD, Linf
from ironglass.attacks.pgd import margin
from ironglass.errors import InputError
from ironglass.models import Classifier


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 32), nn.Tanh(), nn.Linear(32, 4))
    return Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=tuple("abcd"), input_size=4)


def test_one_full_step_without_a_random_start_is_fgsm(classifier):
    images, labels = torch.rand(5, 3, 4, 4), torch.tensor([0, 1, 2, 3, 0])
    threat = Linf(0.05)
    single = PGD(threat=threat, steps=1, step_size=0.05, random_start=False)(classifier, images, labels)
    assert torch.equal(single, FGSM(threat=threat)(classifier, images, labels))


def test_restarts_only_help(classifier):
    torch.manual_seed(1)
    images, labels = torch.rand(40, 3, 4, 4), torch.randint(4, (40,))
    leads = []
    for restarts in (1, 5):
        attack = PGD(threat=Linf(0.03), steps=2, restarts=restarts)
        adversarial = attack(classifier, images, labels)
        assert attack.threat.allows(images, adversarial).all()
        with torch.no_grad():
            leads.append(margin(classifier.eval()(adversarial), labels))
    assert (leads[1] >= leads[0] - 1e-6).all()
    assert (leads[1] > leads[0] + 1e-4).any()


def test_margin_by_hand():
    logits = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0]])
    assert margin(logits, torch.tensor([0, 2])).tolist() == [-1, 4]


@pytest.mark.parametrize("fields", [{"steps": 0}, {"restarts": 0}, {"step_size": 0.0}, {"step_size": float("nan")}])
def test_bad_settings_are_refused(fields):
    with pytest.raises(InputError, match="PGD"):
        PGD(**fields)
