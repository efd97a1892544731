"""Carlini-Wagner against closed forms."""

import pytest
import torch
from torch import nn

from ironglass.attacks import L2, CarliniWagner
from ironglass.attacks.parts.losses import margin
from ironglass.errors import InputError
from ironglass.models import Classifier

QUICK = {"steps": 300, "search_steps": 8, "step_size": 0.005, "first": 0.01}


def linear(k: int = 5) -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, k))
    network[1].bias.data[:2] += 2  # boundaries that are far, by the size of Adam's steps
    return Classifier(network, mean=(0.5,), std=(0.2,), classes=tuple("abcdefgh"[:k]), input_size=4)


def batch(classifier: Classifier, n: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    images = 0.4 + 0.2 * torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(3))
    return images, classifier.eval()(images).argmax(1)


def boundary(classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, lead: float) -> torch.Tensor:
    """The L2 distance at which the nearest other class leads by `lead`, (n,)."""
    weight = classifier.network[1].weight.detach() / classifier.std.flatten()
    with torch.no_grad():
        logits = classifier(images)
    gaps = logits.gather(1, labels[:, None]) - logits + lead
    dual = torch.linalg.vector_norm(weight[None] - weight[labels][:, None], dim=2)
    return (gaps / dual).masked_fill(nn.functional.one_hot(labels, logits.shape[1]).bool(), torch.inf).amin(1)


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_the_distance_to_a_linear_boundary(confidence):
    classifier = linear()
    images, labels = batch(classifier)
    found = CarliniWagner(confidence=confidence, **QUICK).minimal(classifier, images, labels)
    expected = boundary(classifier, images, labels, confidence)
    moved = (found - images).flatten(1).norm(dim=1)
    assert (moved >= expected - 1e-6).all()
    assert (moved <= 1.02 * expected).all()
    assert (margin(classifier(found), labels) > confidence - 1e-5).all()


def test_a_change_beyond_eps_is_projected():
    classifier = linear()
    images, labels = batch(classifier)
    nearest = CarliniWagner(**QUICK).minimal(classifier, images, labels)
    far = (nearest - images).flatten(1).norm(dim=1)
    eps = far.median().item()
    found = CarliniWagner(threat=L2(eps), **QUICK)(classifier, images, labels)
    within = far <= eps
    assert torch.equal(found[within], nearest[within])
    assert (classifier(found).argmax(1) != labels)[within].all()
    torch.testing.assert_close(
        (found - images).flatten(1).norm(dim=1)[~within], torch.full((int((~within).sum()),), eps)
    )


def test_what_is_misread_from_the_start_or_never_stays():
    classifier = linear()
    images, labels = batch(classifier)
    assert torch.equal(CarliniWagner(**QUICK).minimal(classifier, images, (labels + 1) % 5), images)
    nn.init.zeros_(classifier.network[1].weight)
    classifier.network[1].bias.data = torch.arange(5.0)
    never = CarliniWagner(steps=10, search_steps=3).minimal(classifier, images, torch.full_like(labels, 4))
    assert torch.equal(never, images)


@pytest.mark.parametrize("abort_early", [True, False])
def test_an_image_does_not_depend_on_its_batch(abort_early):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(16, 5))
    classifier = Classifier(network, mean=(0.5,), std=(0.2,), classes=tuple("abcde"), input_size=4)
    images, labels = batch(classifier, 6)
    attack = CarliniWagner(steps=60, search_steps=4, first=0.1, abort_early=abort_early)
    whole = attack.minimal(classifier, images, labels)
    alone = torch.cat([attack.minimal(classifier, images[i : i + 1], labels[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(whole, alone, rtol=0, atol=1e-4)
    assert (whole != images).any()


def test_more_search_only_helps():
    classifier = linear()
    images, labels = batch(classifier)
    moved = [
        (CarliniWagner(**(QUICK | {"search_steps": n})).minimal(classifier, images, labels) - images)
        .flatten(1)
        .norm(dim=1)
        for n in (4, 8)
    ]
    fooled = moved[0] > 0
    assert fooled.any()
    assert (moved[1][fooled] <= moved[0][fooled]).all()


@pytest.mark.parametrize(
    "fields",
    [
        {"steps": 0},
        {"search_steps": 0},
        {"step_size": 0.0},
        {"confidence": -1.0},
        {"first": 0.0},
        {"first": float("nan")},
    ],
)
def test_bad_settings_are_refused(fields):
    with pytest.raises(InputError, match="Carlini-Wagner"):
        CarliniWagner(**fields)
