"""A transferred attack is the surrogate's, and only the surrogate's."""

import pytest
import torch
from torch import nn

from ironglass.attacks import FGSM, PGD, Linf, TransferFrom
from ironglass.errors import InputError
from ironglass.models import Classifier


class Untouchable(nn.Module):
    """A victim that may not even be asked."""

    def forward(self, images):
        raise AssertionError("the victim was asked")


def classifier_of(classes: tuple[str, ...], network: nn.Module | None = None, channels: int = 3) -> Classifier:
    torch.manual_seed(0)
    if network is None:
        network = nn.Sequential(nn.Flatten(), nn.Linear(16 * channels, len(classes)))
    return Classifier(network, mean=(0.5,) * channels, std=(0.2,) * channels, classes=classes, input_size=4)


IMAGES = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(2))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("attack", [FGSM(threat=Linf(0.1)), PGD(steps=3, threat=Linf(0.1))], ids=["fgsm", "pgd"])
def test_it_is_the_surrogates_attack_and_the_victim_is_not_asked(attack):
    surrogate, victim = classifier_of(("a", "b", "c")), classifier_of(("a", "b", "c"), Untouchable())
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    found = TransferFrom(surrogate, attack)(victim, IMAGES, LABELS, generator=generators[0])
    assert torch.equal(found, attack(surrogate, IMAGES, LABELS, generator=generators[1]))
    assert TransferFrom(surrogate, attack).threat == attack.threat
    assert TransferFrom(surrogate, attack).steps == attack.steps


def test_classes_are_matched_by_name():
    surrogate, victim = classifier_of(("c", "x", "a", "b")), classifier_of(("a", "b", "c"), Untouchable())
    place = torch.tensor([2, 3, 0])
    found = TransferFrom(surrogate, FGSM())(victim, IMAGES, LABELS)
    assert torch.equal(found, FGSM()(surrogate, IMAGES, place[LABELS]))
    targets = (LABELS + 1) % 3
    found = TransferFrom(surrogate, FGSM(targeted=targets))(victim, IMAGES, LABELS)
    assert torch.equal(found, FGSM(targeted=place[targets])(surrogate, IMAGES, place[LABELS]))


def test_another_task_is_refused():
    victim = classifier_of(("a", "b", "dog"), Untouchable())
    with pytest.raises(InputError, match="no class 'dog'"):
        TransferFrom(classifier_of(("a", "b", "c")), FGSM())(victim, IMAGES, LABELS)
    with pytest.raises(InputError, match="1 channels and the victim of 3"):
        TransferFrom(classifier_of(("a", "b", "dog"), channels=1), FGSM())(victim, IMAGES, LABELS)
