"""What makes the attacks fast changes nothing that they find: every attack with it, and on the plain path."""

import importlib
from dataclasses import fields, replace

import pytest
import torch
from torch import nn

from ironglass.attacks import ATTACKS, PGD, Linf
from ironglass.attacks.parts import worst_case
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

USERS = (
    "parts.ascent",
    "carlini_wagner",
    "deepfool",
    "fgsm",
    "mi_fgsm",
    "patch",
    "pgd",
    "parts.scores",
    "parts.worst_case",
)
SEARCHES = {"apgd-ce", "apgd-dlr", "apgd-margin", "apgd-t", "fab", "fab-t", "square", "ensemble"}
SHORT = {"steps": 10, "queries": 60}


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    """Batch-norms, a skip connection, and a last map of 2 × 2."""
    torch.manual_seed(0)

    class Skip(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body = body

        def forward(self, x):
            return x + self.body(x)

    def block(given, out, stride):
        return nn.Sequential(nn.Conv2d(given, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.Tanh())

    network = nn.Sequential(
        block(3, 16, 2),
        Skip(block(16, 16, 1)),
        block(16, 32, 2),
        Skip(block(32, 32, 1)),
        nn.Flatten(),
        nn.Linear(128, 6),
    )
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2)
    return Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=tuple("abcdef"), input_size=8).eval()


@pytest.fixture(scope="module")
def batch(classifier) -> tuple[torch.Tensor, torch.Tensor]:
    images = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        return images, classifier(images).argmax(1)


@pytest.mark.parametrize("name", ATTACKS)
def test_folding_changes_no_image_beyond_float_noise(name, classifier, batch, monkeypatch):
    attack = ATTACKS[name]
    short = {field.name: SHORT[field.name] for field in fields(attack) if field.name in SHORT}
    attack = replace(attack, threat=Linf(0.01), **short)
    fast = attack(classifier, *batch)
    for module in USERS:
        monkeypatch.setattr(
            importlib.import_module(f"ironglass.attacks.{module}"),
            "folded",
            lambda network, passes=1: eval_without_grad(network),
        )
    plain = attack(classifier, *batch)
    with torch.no_grad():
        fooled = [classifier(images).argmax(1) != batch[1] for images in (fast, plain)]
    assert torch.equal(*fooled)
    # a search that compares losses may be sent another way by their last bit, to a point that is no less good
    same = ((fast - plain).abs().flatten(1).amax(1) < 1e-4).sum()
    assert same >= (len(plain) // 2 if name in SEARCHES else len(plain))


def test_an_image_that_leaves_is_the_first_that_fools(classifier, batch):
    images, labels = batch
    settings = {"threat": Linf(0.02), "step_size": 0.002, "random_start": False}
    left = PGD(steps=12, leave=True, **settings)(classifier, images, labels)
    expected, open_ = images.clone(), torch.ones(len(images), dtype=torch.bool)
    for steps in range(1, 13):
        stepped = PGD(steps=steps, **settings)(classifier, images, labels)
        expected[open_] = stepped[open_]
        with torch.no_grad():
            open_ &= classifier(stepped).argmax(1) == labels
    assert 0 < open_.sum() < len(images)
    torch.testing.assert_close(left, expected, rtol=0, atol=1e-6)


def test_restarts_that_leave_fool_no_fewer(classifier, batch):
    images, labels = batch
    fooled = []
    for leave in (False, True):
        attack = PGD(threat=Linf(0.01), steps=10, restarts=5, leave=leave)
        with torch.no_grad():
            fooled.append(int((classifier(attack(classifier, images, labels)).argmax(1) != labels).sum()))
    assert 0 < fooled[0] <= fooled[1] + 1


def test_tries_run_side_by_side_as_they_would_in_turn(monkeypatch):
    class Pixel(nn.Module):
        def forward(self, images):
            value = images[:, 0, 0, 0]
            return torch.stack((value, torch.full_like(value, 0.5), torch.full_like(value, 0.4)), 1)

    classifier = Classifier(Pixel(), mean=(0.0,), std=(1.0,), classes=tuple("abc"), input_size=1)
    images = torch.tensor([0.9, 0.7, 0.2, 0.8]).view(4, 1, 1, 1)
    labels = torch.zeros(4, dtype=torch.int64)  # the third is misread as it is
    by = torch.tensor([0.25, 0.1, 0.35, 0.1])
    seen = []

    def attempt(images, labels, which, owner):
        n = int(owner.max()) + 1
        assert torch.equal(owner, torch.arange(n).repeat(len(owner) // n))
        seen.append(which.tolist())
        return images - by[which].view(-1, 1, 1, 1)

    for rows, expected in ((1, [[0] * 3, [1] * 2, [2] * 2, [3]]), (6, [[0, 0, 0, 1, 1, 1], [2, 2, 3, 3]]), (99, None)):
        monkeypatch.setattr(worst_case, "ROWS", {"cpu": rows, "cuda": 1})
        seen.clear()
        adversarial, fooled_by = worst_case.side_by_side(classifier, images, labels, 4, attempt)
        assert fooled_by.tolist() == [-1, 1, 0, 3]
        torch.testing.assert_close(adversarial.flatten(), torch.tensor([0.55, 0.45, 0.2, 0.45]))
        assert expected is None or seen == expected
