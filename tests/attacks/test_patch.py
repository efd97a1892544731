"""Patches: closed form on a linear classifier, one for all images, and where they are put."""

import pytest
import torch
from torch import nn

from ironglass.attacks import Occluder, Patch, paste
from ironglass.errors import InputError
from ironglass.models import Classifier


def linear(channels: int = 1) -> Classifier:
    torch.manual_seed(0)
    head = nn.Linear(36 * channels, 2, bias=False)
    head.weight.data[1] = -head.weight.data[0]
    network = nn.Sequential(nn.Flatten(), head)
    return Classifier(network, mean=(0.0,) * channels, std=(1.0,) * channels, classes=("a", "b"), input_size=6)


def test_paste_by_hand():
    images = torch.zeros(2, 3, 3, 4)
    patch = torch.arange(12.0).view(1, 3, 2, 2) + 1
    pasted = paste(images, patch, torch.tensor([[0, 2], [1, 0]]))
    assert torch.equal(pasted[0, :, 0:2, 2:4], patch[0])
    assert torch.equal(pasted[1, :, 1:3, 0:2], patch[0])
    assert pasted.sum() == 2 * patch.sum()
    assert images.sum() == 0


def test_the_best_patch_of_a_linear_classifier():
    # the loss of label 0 falls with w·x: its best patch is 1 where w is below 0 and 0 elsewhere
    classifier = linear(3)
    images = torch.rand(4, 3, 6, 6)
    found = Patch(threat=Occluder(3), position=(2, 1))(classifier, images, torch.zeros(4, dtype=torch.int64))
    weight = classifier.network.get_parameter("1.weight")[0].view(3, 6, 6)
    assert torch.equal(found[:, :, 2:5, 1:4], (weight < 0).float()[None, :, 2:5, 1:4].expand(4, -1, -1, -1))
    targeted = Patch(threat=Occluder(3), position=(2, 1), targeted=torch.zeros(4, dtype=torch.int64))
    found = targeted(classifier, images, torch.ones(4, dtype=torch.int64))
    assert torch.equal(found[:, :, 2:5, 1:4], (weight > 0).float()[None, :, 2:5, 1:4].expand(4, -1, -1, -1))


@pytest.mark.parametrize("universal", [False, True])
@pytest.mark.parametrize("context", [torch.enable_grad, torch.inference_mode])
def test_the_threat_is_kept_and_the_seed(universal, context):
    attack = Patch(threat=Occluder(2), steps=5, universal=universal)
    images, labels = torch.rand(6, 3, 6, 6), torch.tensor([0, 1, 1, 0, 0, 1])
    given, classifier = images.clone(), linear(3)
    with context():
        found = [
            attack(classifier, images.clone(), labels, generator=torch.Generator().manual_seed(seed))
            for seed in (3, 3, 4)
        ]
    assert attack.threat.allows(images, found[0]).all()
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert not found[0].requires_grad
    assert torch.equal(images, given)
    assert torch.equal(attack(linear(3), images, labels), attack(linear(3), images, labels))


def test_one_patch_for_all_positions():
    class Reddest(nn.Module):
        """Class 1 where there is anywhere much red and no green: a patch works wherever it is."""

        def forward(self, images):
            score = 4 * (images[:, 0] - images[:, 1]).flatten(1).amax(1) - 2
            return torch.stack((-score, score), 1)

    classifier = Classifier(Reddest(), mean=(0.0,) * 3, std=(1.0,) * 3, classes=("plain", "red"), input_size=8)
    images, labels = torch.full((12, 3, 8, 8), 0.3), torch.zeros(12, dtype=torch.int64)
    attack = Patch(threat=Occluder(2), universal=True, steps=40)
    patch = attack.learn(classifier, images, labels)
    assert patch.shape == (1, 3, 2, 2)
    assert (patch[0, 0] - patch[0, 1]).max() == 1
    unseen = 0.2 + 0.2 * torch.rand(12, 3, 8, 8)
    positions = attack.threat.positions(unseen, torch.Generator().manual_seed(9))
    assert (classifier.eval()(unseen).argmax(1) == 0).all()
    assert (classifier(paste(unseen, patch, positions)).argmax(1) == 1).all()
    found = attack(classifier, images, labels)
    squares = found[(found != images).any(1, keepdim=True).expand_as(found)]
    assert len(squares) <= 12 * 12
    assert (
        len({tuple(position) for position in (found != images).any(1).flatten(1).int().argmax(1)[:, None].tolist()}) > 3
    )
    assert attack.learn(classifier, images, labels).shape == (1, 3, 2, 2)
    assert Patch(threat=Occluder(2), steps=1).learn(classifier, images, labels).shape == (12, 3, 2, 2)


@pytest.mark.parametrize("position", [(-1, 0), (5, 0), (0, 5)])
def test_a_position_outside_is_refused(position):
    attack = Patch(threat=Occluder(2), position=position)
    with pytest.raises(InputError, match="leaves an image of 6×6"):
        attack(linear(), torch.rand(1, 1, 6, 6), torch.tensor([0]))


@pytest.mark.parametrize("fields", [{"steps": 0}, {"step_size": 0.0}, {"step_size": float("nan")}])
def test_bad_settings_are_refused(fields):
    with pytest.raises(InputError, match="the patch has"):
        Patch(**fields)


def test_former_names_are_accepted() -> None:
    assert Patch(place=(1, 2)).position == (1, 2)  # pyright: ignore[reportCallIssue]
    images, patch = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 2, 2)
    pasted = paste(images, patch, places=torch.tensor([[1, 2]]))  # pyright: ignore[reportCallIssue]
    assert pasted.nonzero()[:, 2:].tolist() == [[1, 2], [1, 3], [2, 2], [2, 3]]
