"""FMN and DDN against exact distances on a linear network in the box."""

import pytest
import torch
from torch import nn

from ironglass.attacks import DDN, FMN, L2, THREATS, Occluder
from ironglass.attacks.parts.geometry.hyperplane import length, to_hyperplane
from ironglass.attacks.parts.geometry.radius import cosine, project_each
from ironglass.errors import InputError
from ironglass.models import Classifier


@pytest.fixture(scope="module")
def network():
    """A classifier of sixteen values and four classes, images of all the box, and labels."""
    generator = torch.Generator().manual_seed(5)
    head = nn.Linear(16, 4, bias=False)
    head.weight.data = torch.randn(4, 16, generator=generator)
    module = nn.Sequential(nn.Flatten(), head)
    classifier = Classifier(module, mean=(0.0,), std=(1.0,), classes=tuple("abcd"), input_size=4)
    images = torch.rand(40, 1, 4, 4, generator=generator)
    with torch.no_grad():
        return classifier, images, classifier(images).argmax(1)


def exact(classifier, images, labels, threat):
    """The least distance to a rival's hyperplane within the box, (n,); tests/attacks/parts holds it to be exact."""
    weight, least = classifier.network[1].weight.detach(), torch.full((len(images),), torch.inf)
    points = images.flatten(1)
    for rival in range(4):
        normal = weight[rival] - weight[labels]
        offset = -(normal * points).sum(1)
        change = to_hyperplane(points, normal, offset, threat)
        reached = (normal * change).sum(1) >= offset - 1e-4
        least = torch.where((labels != rival) & reached, torch.minimum(least, length(change, threat)), least)
    return least


@pytest.mark.parametrize(
    ("attack", "norm"), [(FMN(), "linf"), (FMN(), "l2"), (FMN(), "l1"), (DDN(), "l2")], ids=["linf", "l2", "l1", "ddn"]
)
def test_the_smallest_change_of_a_linear_network(attack, norm, network):
    classifier, images, labels = network
    distances = exact(classifier, images, labels, THREATS[norm](1.0))
    threat = THREATS[norm](float(distances.median()))
    attack = type(attack)(threat=threat)
    near = attack.minimal(classifier, images, labels)
    with torch.no_grad():
        assert (classifier(near).argmax(1) != labels).all()
    ratio = length((near - images).flatten(1), threat) / distances
    # float32 knows the boundary to some 1e-7 of the logits, and the nearest image is 3e-5 from it
    assert ratio.min() > 0.99
    assert ratio.median() < 1.01
    assert (ratio < 1.1).float().mean() >= 0.9
    adversarial = attack(classifier, images, labels)
    within = threat.allows(images, near)
    assert within.any()
    assert not within.all()
    assert torch.equal(adversarial[within], near[within])
    assert threat.allows(images, adversarial).all()


@pytest.mark.parametrize("attack", [FMN(), DDN()], ids=["fmn", "ddn"])
def test_an_image_that_is_misread_stays(attack, network):
    classifier, images, labels = network
    assert torch.equal(attack.minimal(classifier, images, (labels + 1) % 4), images)


@pytest.mark.parametrize("attack", [FMN(threat=L2(1.0)), FMN(), DDN()], ids=["fmn l2", "fmn linf", "ddn"])
def test_images_on_the_boundary_are_fooled_in_a_plain_pass_too(attack, network):
    classifier, images, labels = network
    weight = classifier.network[1].weight.detach()
    runner_up = classifier(images).detach().topk(2).indices[:, 1]
    normal = weight[runner_up] - weight[labels]
    change = to_hyperplane(images.flatten(1), normal, -(normal * images.flatten(1)).sum(1), L2(1.0))
    near = (images + 0.9999 * change.view_as(images)).clamp(0, 1)
    with torch.no_grad():
        there = classifier(near).argmax(1)
        assert (classifier(attack(classifier, near, there)).argmax(1) != there).all()


@pytest.mark.parametrize("norm", THREATS)
def test_a_radius_an_image(norm):
    generator = torch.Generator().manual_seed(0)
    images, points = torch.rand(6, 3, 5, 5, generator=generator), 3 * torch.randn(6, 3, 5, 5, generator=generator)
    radius = torch.tensor([0.0, 0.01, 0.1, 0.5, 3.0, 1000.0])
    each = project_each(images, points, radius, THREATS[norm](0.1))
    for i, size in enumerate(radius.tolist()):
        if norm == "linf" and size > 1:
            torch.testing.assert_close(each[i], points[i].clamp(0, 1))
        else:
            alone = THREATS[norm](size).project(images[i : i + 1], points[i : i + 1])
            torch.testing.assert_close(each[i : i + 1], alone)


def test_a_cosine_falls_from_first_to_last():
    assert [cosine(2.0, 1.0, share) for share in (0, 0.5, 1)] == pytest.approx([2.0, 1.5, 1.0])


@pytest.mark.parametrize(
    ("kind", "fields", "says"),
    [
        (FMN, {"steps": 0}, "give at least 1"),
        (FMN, {"gamma": 1.0}, "between 0 and 1"),
        (FMN, {"step_size": 0.0}, "above 0"),
        (FMN, {"threat": Occluder(2)}, "not Occluder"),
        (DDN, {"steps": 0}, "give at least 1"),
        (DDN, {"gamma": 0.0}, "between 0 and 1"),
        (DDN, {"first": float("inf")}, "above 0"),
    ],
)
def test_bad_settings_are_refused(kind, fields, says):
    with pytest.raises(InputError, match=says):
        kind(**fields)
    assert kind(threat=L2(0.5)).threat == L2(0.5)
