"""FAB: distances that are known, and what its settings do."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ironglass.attacks import FAB, THREATS, Linf
from ironglass.attacks.fab import shorten
from ironglass.errors import InputError
from ironglass.models import Classifier

norms = pytest.mark.parametrize("norm", THREATS)
ORDERS = {"linf": torch.inf, "l2": 2, "l1": 1}


def linear(weight):
    head = nn.Linear(weight.shape[1], len(weight), bias=False)
    head.weight.data = weight
    classes = tuple("abcdef"[: len(weight)])
    return Classifier(nn.Sequential(nn.Flatten(), head), mean=(0.0,), std=(1.0,), classes=classes, input_size=4)


def known(norm, classes):
    """A linear classifier, images well inside the box, their labels, and their distances to the boundary."""
    torch.manual_seed(2)
    weight = torch.randn(classes, 16)
    weight -= weight.mean(1, keepdim=True)  # the even grey image is on every boundary
    images = 0.4 + 0.2 * torch.rand(30, 1, 4, 4)
    exact = weight.double()  # near the boundary float32 knows the distance less well than it is compared
    logits = images.flatten(1).double() @ exact.T
    labels = logits.argmax(1)
    other = exact[None] - exact[labels][:, None]
    dual = torch.linalg.vector_norm(other, ord={"linf": 1, "l2": 2, "l1": torch.inf}[norm], dim=2)
    lead = logits.gather(1, labels[:, None]) - logits
    distance = (lead / dual).masked_fill(nn.functional.one_hot(labels, classes).bool(), torch.inf).amin(1).float()
    near = distance < 0.35  # so that the way there does not end at the border of [0, 1]
    assert near.sum() > 10
    return linear(weight), images[near], labels[near], distance[near]


@norms
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("targets", [None, 9])
def test_the_distance_to_a_linear_boundary(norm, classes, targets):
    classifier, images, labels, distance = known(norm, classes)
    attack = FAB(threat=THREATS[norm](0.1), targets=targets, steps=20)
    adversarial, found = attack.nearest(classifier, images, labels)
    torch.testing.assert_close(found, distance, rtol=1e-3, atol=1e-6)
    # a pixel of float32 is known to 2⁻²⁵, which shows where the boundary is near
    rounding = 2**-25 * images[0].numel() ** 0.5
    assert (found >= distance * (1 - 1e-5) - rounding).all()
    change = (adversarial - images).flatten(1)
    torch.testing.assert_close(torch.linalg.vector_norm(change, ord=ORDERS[norm], dim=1), found)
    with torch.no_grad():
        assert (classifier(adversarial).argmax(1) != labels).all()


@norms
def test_as_an_attack_it_fools_exactly_within_eps(norm):
    classifier, images, labels, distance = known(norm, 5)
    eps = float(distance.median()) * 1.02
    adversarial = FAB(threat=THREATS[norm](eps), steps=20)(classifier, images, labels)
    with torch.no_grad():
        fooled = classifier(adversarial).argmax(1) != labels
    assert torch.equal(fooled, distance < eps)
    assert 0 < fooled.sum() < len(images)


@norms
def test_one_image_more_does_not_change_another(norm):
    classifier, images, labels, _ = known(norm, 5)
    attack = FAB(threat=THREATS[norm](0.05))
    together, alone = attack(classifier, images, labels), attack(classifier, images[3:4], labels[3:4])
    torch.testing.assert_close(together[3:4], alone, rtol=0, atol=1e-6)


def test_misread_and_hopeless_images():
    classifier, images, labels, _ = known("linf", 2)
    labels[0] = 1 - labels[0]
    attack = FAB(threat=Linf(0.01), steps=3)
    adversarial, found = attack.nearest(classifier, images, labels)
    assert torch.equal(adversarial[0], images[0])
    assert found[0] == 0
    constant = linear(torch.zeros(2, 16))
    adversarial, found = attack.nearest(constant, images, torch.zeros_like(labels))
    assert torch.equal(adversarial, images)
    assert found.isinf().all()


@pytest.fixture
def curved() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 5))
    return Classifier(network, mean=(0.5,), std=(0.05,), classes=tuple("abcde"), input_size=4)


@norms
def test_restarts_and_targets_only_help(norm, curved):
    torch.manual_seed(0)
    images = torch.rand(40, 1, 4, 4)
    with torch.no_grad():
        labels = curved.eval()(images).argmax(1)
    plain = FAB(threat=THREATS[norm](0.3), steps=2)
    far = plain.nearest(curved, images, labels)[1]
    again = replace(plain, restarts=4).nearest(curved, images, labels)[1]
    assert (again <= far + 1e-5).all()
    assert (again < 0.99 * far).any()
    first = replace(plain, targets=1).nearest(curved, images, labels)[1]
    every = replace(plain, targets=4).nearest(curved, images, labels)[1]
    assert (every <= first + 1e-5).all()
    assert (every < 0.99 * first).any()


def test_shorten_by_hand():
    classifier = linear(torch.stack((torch.zeros(16), torch.full((16,), 1 / 16))))  # class b where the mean is above 0
    classifier.network[1].bias = nn.Parameter(torch.tensor([0.3, 0.0]))  # and now above 0.3
    images, adversarial = torch.zeros(2, 1, 4, 4), torch.tensor([0.4, 0.9]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
    found = shorten(classifier, images, adversarial, torch.tensor([0, 0]))
    assert found.flatten(1).amax(1).tolist() == pytest.approx([0.3, 0.3], abs=1e-3)
    with torch.no_grad():
        assert classifier(found).argmax(1).tolist() == [1, 1]


@pytest.mark.parametrize(
    "fields",
    [{"steps": 0}, {"restarts": 0}, {"targets": 0}, {"alpha_max": 2}, {"eta": 0.9}, {"beta": 1.0}],
)
def test_bad_settings_are_refused(fields):
    with pytest.raises(InputError, match="FAB has"):
        FAB(**fields)


@pytest.mark.parametrize("norm", THREATS)
@pytest.mark.parametrize("targets", [None, 3])
def test_what_a_plain_pass_reads_right_has_no_finite_distance(norm, targets):
    """Batch-norms make the folded network's last bits others than the plain one's; wide outputs make them matter."""
    missed = 0
    for seed in range(4):
        torch.manual_seed(seed)
        body = [nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        body += [nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
        network = nn.Sequential(*body, nn.Flatten(), nn.Linear(256, 5))
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_()
                layer.running_var.uniform_(0.1, 3)
                nn.init.normal_(layer.weight)
        classifier = Classifier(network.eval(), mean=(0.5,), std=(0.25,), classes=tuple("abcde"), input_size=4)
        images = torch.rand(60, 1, 4, 4)
        with torch.no_grad():
            labels = classifier(images).argmax(1)
        given = images.clone().requires_grad_()
        adversarial, distance = FAB(threat=THREATS[norm](0.1), targets=targets, steps=8).nearest(
            classifier, given, labels
        )
        assert not adversarial.requires_grad
        with torch.no_grad():
            misread = classifier(adversarial).argmax(1) != labels
        assert torch.equal(misread, distance.isfinite())
        change = (adversarial - images).flatten(1)
        size = torch.linalg.vector_norm(change, ord=ORDERS[norm], dim=1)
        torch.testing.assert_close(size[misread], distance[misread])
        missed += int((~misread).sum())
    assert missed < 12  # of 240: a hair's breadth is mended, not dropped


def test_a_hair_is_enough_and_else_the_image_is_dropped():
    from ironglass.attacks.parts.hair import beyond

    classifier = linear(torch.tensor([[1.0] + [0.0] * 15, [0.0] * 16]))
    classifier.network.append(nn.Linear(2, 2))
    classifier.network[2].weight.data = torch.eye(2)
    classifier.network[2].bias.data = torch.tensor([0.0, 0.5])
    images = torch.full((3, 1, 4, 4), 0.8)
    adversarial = images.clone()
    adversarial[:, 0, 0, 0] = torch.tensor([0.3, 0.5, 0.7])  # misread, on the boundary, and far from it
    labels = torch.zeros(3, dtype=torch.int64)
    found, misread = beyond(classifier.eval(), images, labels, adversarial)
    assert misread.tolist() == [True, True, False]
    assert found[0, 0, 0, 0] == torch.tensor(0.3)
    assert 0.499 < found[1, 0, 0, 0] < 0.5
