"""DeepFool against closed forms, and what it does where there is nothing to find."""

import pytest
import torch
from torch import nn

from ironglass.attacks import L2, THREATS, DeepFool, Linf
from ironglass.errors import InputError
from ironglass.models import Classifier


def linear(k: int = 6, d: int = 4) -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(d * d, k))
    return Classifier(network, mean=(0.5,), std=(0.2,), classes=tuple("abcdefghijkl"[:k]), input_size=d)


def distances(classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, norm: str) -> torch.Tensor:
    """|margin| / dual norm of the weights' difference to the nearest class, (n,)."""
    weight = classifier.network[1].weight.detach() / classifier.std.flatten()
    with torch.no_grad():
        logits = classifier(images)
    gaps = logits.gather(1, labels[:, None]) - logits
    dual = torch.linalg.vector_norm(weight[None] - weight[labels][:, None], ord=1 if norm == "linf" else 2, dim=2)
    return (gaps / dual).masked_fill(nn.functional.one_hot(labels, logits.shape[1]).bool(), torch.inf).amin(1)


def length(change: torch.Tensor, norm: str) -> torch.Tensor:
    return torch.linalg.vector_norm(change.flatten(1), ord=torch.inf if norm == "linf" else 2, dim=1)


@pytest.mark.parametrize("norm", DeepFool.norms)
def test_the_distance_to_a_linear_boundary(norm):
    classifier = linear()
    images = 0.4 + 0.2 * torch.rand(40, 1, 4, 4)
    labels = classifier.eval()(images).argmax(1)
    found = DeepFool(threat=THREATS[norm](0.01)).minimal(classifier, images, labels)
    moved = length(found - images, norm)
    torch.testing.assert_close(moved, 1.02 * (distances(classifier, images, labels, norm) + 1e-4), rtol=1e-4, atol=1e-6)
    assert (classifier(found).argmax(1) != labels).all()


def test_a_change_beyond_eps_is_projected():
    classifier = linear()
    images = 0.4 + 0.2 * torch.rand(40, 1, 4, 4)
    labels = classifier.eval()(images).argmax(1)
    nearest = DeepFool(threat=L2(0.0)).minimal(classifier, images, labels)
    far = (nearest - images).flatten(1).norm(dim=1)
    eps = far.median().item()
    found = DeepFool(threat=L2(eps))(classifier, images, labels)
    within = far <= eps
    assert torch.equal(found[within], nearest[within])
    assert (classifier(found).argmax(1) != labels)[within].all()
    torch.testing.assert_close(
        (found - images).flatten(1).norm(dim=1)[~within], torch.full((int((~within).sum()),), eps)
    )
    assert (classifier(found).argmax(1) == labels)[~within].any()


def test_what_is_misread_from_the_start_stays():
    classifier = linear()
    images = torch.rand(10, 1, 4, 4)
    labels = (classifier.eval()(images).argmax(1) + 1) % 6
    assert torch.equal(DeepFool().minimal(classifier, images, labels), images)


def test_candidates_are_the_likeliest_classes():
    classifier = linear(12)
    images = 0.4 + 0.2 * torch.rand(30, 1, 4, 4)
    labels = classifier.eval()(images).argmax(1)
    few = DeepFool(threat=Linf(1.0), candidates=2)(classifier, images, labels)
    with torch.no_grad():
        second = classifier(images).topk(2).indices[:, 1]
        reached = classifier(few)
    lead = reached.gather(1, second[:, None]) - reached.gather(1, labels[:, None])
    # each goes for the runner-up, and so far as another class does not fool first, gets there
    assert ((lead[:, 0] > 0) | (reached.argmax(1) != labels)).all()
    many = DeepFool(threat=Linf(1.0), candidates=12)(classifier, images, labels)
    assert (length(many - images, "linf") <= length(few - images, "linf") + 1e-6).all()
    assert (length(many - images, "linf") < length(few - images, "linf") - 1e-3).any()


def test_an_image_does_not_depend_on_its_batch():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5))
    classifier = Classifier(network, mean=(0.5,), std=(0.2,), classes=tuple("abcde"), input_size=4)
    images = torch.rand(20, 1, 4, 4)
    labels = classifier.eval()(images).argmax(1)
    attack = DeepFool(threat=L2(9.0))
    whole = attack.minimal(classifier, images, labels)
    alone = torch.cat([attack.minimal(classifier, images[i : i + 1], labels[i : i + 1]) for i in range(20)])
    torch.testing.assert_close(whole, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("fields", [{"steps": 0}, {"candidates": 1}, {"overshoot": -1.0}, {"overshoot": float("inf")}])
def test_bad_settings_are_refused(fields):
    with pytest.raises(InputError, match="DeepFool"):
        DeepFool(**fields)
