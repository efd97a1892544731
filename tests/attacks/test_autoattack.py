"""Against reference AutoAttack, part by part; skipped where its packaged fork (pyautoattack) is not installed."""

import pytest
import torch
from torch import nn

from ironglass.attacks import FAB, THREATS
from ironglass.attacks.fab import approach
from ironglass.attacks.parts.climb import climb
from ironglass.attacks.parts.geometry.boundary import boundary_to_target, nearest_boundary
from ironglass.attacks.parts.geometry.hyperplane import length, to_hyperplane
from ironglass.attacks.parts.losses import cross_entropy, dlr, margin
from ironglass.attacks.parts.worst_case import runners_up
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad

pytest.importorskip("pyautoattack", reason="the peers' environment is not this one: see bench/compare_autoattack.py")

from pyautoattack.autopgd_base import APGDAttack
from pyautoattack.fab_projections import projection_l1, projection_l2, projection_linf
from pyautoattack.fab_pt import FABAttack_PT

norms = pytest.mark.parametrize("norm", THREATS)


@pytest.fixture
def trained() -> tuple[Classifier, torch.Tensor, torch.Tensor]:
    """A small network that has learnt the digits, and images that it reads right."""
    from sklearn.datasets import load_digits

    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16
    labels = torch.tensor(digits.target)
    network = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 10))
    classifier = Classifier(network, mean=(0.5,), std=(0.5,), classes=tuple("0123456789"), input_size=8)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(classifier.train()(images), labels).backward()
        optimiser.step()
    with torch.no_grad(), eval_without_grad(classifier):
        kept = classifier(images).argmax(1) == labels
    return classifier.eval(), images[kept][:200], labels[kept][:200]


@norms
@pytest.mark.parametrize("border", [0.0, 0.5])
def test_projections(norm, border):
    torch.manual_seed(0)
    points, normal = torch.rand(50, 30), torch.randn(50, 30)
    points = torch.where(torch.rand(50, 30) < border, points.round(), points)
    offset = normal.abs().sum(1) * torch.linspace(-0.5, 0.5, 50)
    project = {"linf": projection_linf, "l2": projection_l2, "l1": projection_l1}[norm]
    theirs = project(points, normal, offset + (normal * points).sum(1))
    ours = to_hyperplane(points, normal, offset, THREATS[norm](1.0))
    torch.testing.assert_close(
        length(ours, THREATS[norm](1.0)), length(theirs, THREATS[norm](1.0)), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("norm", ["linf", "l2"])  # under L1 each draws its own start
@pytest.mark.parametrize("loss", ["ce", "dlr"])
def test_apgd_from_the_same_start(norm, loss, trained):
    classifier, images, labels = trained
    threat = THREATS[norm](0.15 if norm == "linf" else 0.8)
    start = threat.start(images, torch.Generator().manual_seed(0))
    peer = APGDAttack(classifier, norm={"linf": "Linf", "l2": "L2"}[norm], eps=threat.eps, loss=loss, device="cpu")
    peer.init_hyperparam(images)
    _, stands, _, _ = peer.attack_single_run(images, labels, x_init=start)
    with eval_without_grad(classifier), torch.no_grad():
        found = climb(
            classifier,
            images,
            (labels,),
            {"ce": cross_entropy, "dlr": dlr}[loss],
            threat,
            start=start,
            steps=100,
            rho=0.75,
        )
        fooled = margin(classifier(found), labels) > 0
    assert 0.2 < fooled.float().mean() < 0.95
    # the two differ in ties at a checkpoint, and in what they count as a rise after one
    assert (fooled == ~stands).float().mean() >= 0.99
    assert fooled.sum() >= (~stands).sum() - 1


@norms
@pytest.mark.parametrize("targeted", [False, True])
def test_fab_finds_the_same_distances_or_shorter(norm, targeted, trained):
    classifier, images, labels = trained
    images, labels = images[:60], labels[:60]
    threat = THREATS[norm](0.1)
    named = {"linf": "Linf", "l2": "L2", "l1": "L1"}[norm]
    peer = FABAttack_PT(classifier, norm=named, eps=threat.eps, n_iter=30, device="cpu")
    peer.target_class = 2
    theirs = peer.attack_single_run(images, labels, is_targeted=targeted)
    with eval_without_grad(classifier), torch.no_grad():
        classes, boundary = (labels,), nearest_boundary(classifier, threat)
        if targeted:
            classes = (labels, runners_up(classifier(images), labels, 1)[:, 0])
            boundary = boundary_to_target(classifier)
        settings = FAB(threat=threat, steps=30)
        ours, distance = approach(settings, classifier, boundary, images, classes, start=images, leave=False)
        assert (classifier(ours).argmax(1) != labels).all()
    far = length((theirs - images).flatten(1), threat)
    assert (distance <= far * 1.01).float().mean() > 0.95
    torch.testing.assert_close(distance.median(), far.median(), rtol=0.02, atol=0)
