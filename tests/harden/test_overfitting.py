"""The guard: what it measures, and when it calls."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from ironglass.attacks import FGSM, PGD, Linf
from ironglass.errors import InputError
from ironglass.harden.overfitting import FALL, GAP, OverfittingGuard
from ironglass.models.classifier import Classifier
from ironglass.train.record import as_json

IMAGES = 0.1 + 0.8 * torch.rand(64, 1, 4, 4, generator=torch.Generator().manual_seed(0))  # no step is clipped
LABELS = (IMAGES.mean((1, 2, 3)) > 0.5).long()


def classifier(network: nn.Module) -> Classifier:
    return Classifier(network, mean=(0.5,), std=(1.0,), classes=("dark", "light"), input_size=4)


def linear() -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack((-torch.ones(16), torch.ones(16))))
        network[1].bias.zero_()
    return network


class Masked(nn.Module):
    """Right at mid-grey and right again a whole eps of 0.1 away, wrong in between: one step jumps over the valley."""

    def forward(self, images: Tensor) -> Tensor:
        away = images.mean((1, 2, 3)) - 0.5
        margin = torch.cos(2 * torch.pi * away / 0.1) - 0.01 * away
        return torch.stack((-margin, margin), 1)


def guard(**fields: object) -> OverfittingGuard:
    return OverfittingGuard(**{"images": IMAGES, "labels": LABELS, "eps": 0.05} | fields)


def test_the_numbers_are_those_of_the_attacks() -> None:
    network = classifier(linear())
    found = guard()(network, [])
    for key, attack in (("pgd_accuracy", PGD(threat=Linf(0.05), steps=10)), ("fgsm_accuracy", FGSM(threat=Linf(0.05)))):
        adversarial = attack(network, IMAGES, LABELS, generator=torch.Generator().manual_seed(0))
        assert found.numbers[key] == (network(adversarial).argmax(1) == LABELS).double().mean().item()
    # of a linear network under Linf one step is all there is: right where the mean is farther than eps from a half
    expected = ((IMAGES.mean((1, 2, 3)) - 0.5).abs() > 0.05).double().mean().item()
    assert found.numbers["pgd_accuracy"] == pytest.approx(expected)
    assert found.merit == found.numbers["pgd_accuracy"]
    assert not found.alarm


def test_the_same_question_has_the_same_answer() -> None:
    network = classifier(linear())
    state = torch.get_rng_state()
    assert guard()(network, []) == guard()(network, [])
    assert torch.equal(torch.get_rng_state(), state)


def test_the_alarm_goes_off_at_a_fall_from_the_best() -> None:
    network = classifier(linear())
    accuracy = guard()(network, []).numbers["pgd_accuracy"]

    def alarmed(best: float, alarm: bool = False) -> bool:
        return guard()(network, [{"pgd_accuracy": 0.1, "alarm": False}, {"pgd_accuracy": best, "alarm": alarm}]).alarm

    assert not alarmed(accuracy + FALL - 0.01)
    assert alarmed(accuracy + FALL + 0.01)
    assert not alarmed(accuracy + FALL + 0.01, alarm=True)  # what was alarmed at before is no mark to fall from


def test_the_alarm_goes_off_where_one_step_is_blind() -> None:
    grey = guard(images=torch.full((8, 1, 4, 4), 0.5), labels=torch.ones(8).long(), eps=0.1)
    found = grey(classifier(Masked()), [])
    assert found.numbers == {"pgd_accuracy": 0.0, "fgsm_accuracy": 1.0}
    assert found.numbers["fgsm_accuracy"] - found.numbers["pgd_accuracy"] >= GAP
    assert found.alarm


def test_what_it_cannot_do_is_refused() -> None:
    for wrong, says in (({"eps": 0.0}, "eps is 0"), ({"eps": 8.0}, "eps is 8"), ({"labels": LABELS[:3]}, "3 labels")):
        with pytest.raises(InputError, match=says):
            guard(**wrong)


def test_its_record_has_no_images() -> None:
    told = str(dataclasses.replace(guard(), steps=7))
    assert "steps=7" in told
    assert "tensor" not in told
    assert len(str(as_json(guard()))) < 2000


def test_told_to_look_on_it_never_alarms() -> None:
    network = classifier(Masked())
    grey = {"images": torch.full((8, 1, 4, 4), 0.5), "labels": torch.ones(8).long(), "eps": 0.1}
    assert guard(**grey)(network, []).alarm
    for merit, worth in (("pgd", 0.0), ("fgsm", 1.0)):
        found = guard(**grey, alarms=False, merit=merit)(network, [])
        assert (found.alarm, found.merit) == (False, worth)
