"""APGD: its schedule, its single run, and closed forms."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ironglass.attacks import APGD, L2, PGD, THREATS, APGDTargeted, Linf
from ironglass.attacks.parts.climb import checkpoints, climb
from ironglass.attacks.parts.losses import margin
from ironglass.errors import InputError
from ironglass.models import Classifier

EVERY = [APGD(), APGD(loss="dlr"), APGD(loss="margin"), APGDTargeted()]
every = pytest.mark.parametrize("attack", EVERY, ids=["ce", "dlr", "margin", "targeted"])


def linear(weight, bias):
    head = nn.Linear(weight.shape[1], len(weight))
    head.weight.data, head.bias.data = weight, bias
    classes = tuple("abcdef"[: len(weight)])
    return Classifier(nn.Sequential(nn.Flatten(), head), mean=(0.0,), std=(1.0,), classes=classes, input_size=4)


@pytest.fixture
def curved() -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 5))
    return Classifier(network, mean=(0.5,), std=(0.2,), classes=tuple("abcde"), input_size=4)


def test_checkpoints_are_the_papers():
    assert list(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert list(checkpoints(10)) == [3, 5, 6, 7, 8, 9, 10, 10]


@every
@pytest.mark.parametrize("norm", ["linf", "l2"])  # L1's own: test_l1.py
def test_it_reaches_the_corner_of_a_linear_classifier(attack, norm):
    # two classes that w tells apart and two that never win: the furthest is eps along ∓w, and it is not far enough
    torch.manual_seed(1)
    weight, eps = torch.randn(16), 0.1
    classifier = linear(torch.stack((weight, -weight, 0 * weight, 0 * weight)), torch.tensor([9.0, -9.0, -40, -41]))
    images, labels = torch.full((2, 1, 4, 4), 0.5), torch.tensor([0, 0])
    adversarial = replace(attack, threat=THREATS[norm](eps))(classifier, images, labels)
    best = weight.sign() if norm == "linf" else weight / weight.norm()
    torch.testing.assert_close(adversarial, images - eps * best.view(1, 1, 4, 4), rtol=0, atol=2e-4)


@every
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_it_fools_beyond_the_distance_to_the_boundary_and_not_before(attack, norm):
    torch.manual_seed(2)
    weight = torch.randn(4, 16)
    images = 0.4 + 0.2 * torch.rand(12, 1, 4, 4)
    logits = images.flatten(1) @ weight.T
    labels = logits.argmax(1)
    other = weight[None] - weight[labels][:, None]
    dual = other.abs().sum(2) if norm == "linf" else other.norm(dim=2)
    distance = ((logits.gather(1, labels[:, None]) - logits) / dual.clamp_min(1e-9)).masked_fill(dual < 1e-6, 9)
    distance = distance.amin(1)
    classifier = linear(weight, torch.zeros(4))
    for i, exact in enumerate(distance.tolist()):
        for factor in (0.99, 1.01):
            aimed = replace(attack, threat=THREATS[norm](factor * exact))
            adversarial = aimed(classifier, images[i : i + 1], labels[i : i + 1])
            with torch.no_grad():
                fooled = (classifier(adversarial).argmax(1) != labels[i]).item()
            # cross-entropy climbs all other classes at once, which need not be the shortest way over the boundary
            assert fooled == (factor > 1) or (fooled is False and attack.loss == "ce")


class Peak(nn.Module):
    """Two logits whose difference is highest at one image and counts the passes over each."""

    def __init__(self, at):
        super().__init__()
        self.at, self.passes, self.images = at, 0, 0

    def forward(self, images):
        self.passes += 1
        self.images += len(images)
        lead = -(images - self.at).square().flatten(1).sum(1) - 1
        return torch.stack((-lead, lead), 1)


@pytest.mark.parametrize("norm", THREATS)
def test_the_step_shrinks_until_it_hits_a_narrow_peak(norm):
    torch.manual_seed(0)
    images = torch.full((3, 1, 4, 4), 0.5)
    network = Peak(images[0] + 0.02 * torch.rand(1, 4, 4))
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4)
    labels = torch.zeros(3, dtype=torch.int64)
    threat = THREATS[norm](0.3)
    found = APGD(threat=threat, loss="margin")(classifier, images, labels)
    plain = PGD(threat=threat, steps=100, step_size=0.1)(classifier, images, labels)
    with torch.no_grad():
        gap, gap_of_pgd = (-1 - classifier(batch)[:, 1] for batch in (found, plain))
    assert (gap < 1e-4).all()
    assert (gap < gap_of_pgd / 10).all()


def test_one_pass_a_step_and_the_fooled_leave():
    images, labels = torch.full((4, 1, 4, 4), 0.5), torch.zeros(4, dtype=torch.int64)
    network = Peak(torch.full((1, 4, 4), 0.5))
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4)
    APGD(threat=Linf(0.1), steps=10, loss="margin")(classifier, images, labels)
    assert network.passes == 1 + 11 + 1  # who stands, the start and ten steps, and the decision
    assert network.images == 4 * 13

    class Half(Peak):
        def forward(self, images):  # the first half of the batch's pixels are above 0.55 once moved up
            super().forward(images)
            return torch.stack((torch.full((len(images),), 8.8), images.flatten(1).sum(1)), 1)

    network = Half(0)
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4)
    images = torch.cat((images[:2], images[2:] - 0.2))  # the last two would need 0.25 a pixel
    APGD(threat=Linf(0.1), steps=50, loss="margin")(classifier, images, labels)
    assert network.images < 4 + 2 * 52 + 2 * 8 + 4


def test_a_run_gives_the_first_point_that_fools_or_else_the_best(curved):
    torch.manual_seed(0)
    images = torch.rand(40, 1, 4, 4)
    with torch.no_grad():
        labels = curved.eval()(images).argmax(1)
    attack = APGD(threat=Linf(0.03), loss="margin", steps=30)
    adversarial = attack(curved, images, labels)
    with torch.no_grad():
        before, after = margin(curved(images), labels), margin(curved(adversarial), labels)
    assert (after > before).all()
    assert 0 < (after > 0).sum() < 40
    start = attack.threat.start(images, torch.Generator().manual_seed(0))
    arguments = {"start": start, "rho": 0.75}
    short = climb(curved, images, (labels,), margin, attack.threat, steps=10, **arguments)
    long = climb(curved, images, (labels,), margin, attack.threat, steps=100, **arguments)
    with torch.no_grad():
        leads = [margin(curved(batch), labels) for batch in (short, long)]
    assert ((leads[1] > 0).sum()) >= ((leads[0] > 0).sum())


def test_restarts_and_targets_only_help(curved):
    torch.manual_seed(0)
    images = torch.rand(60, 1, 4, 4)
    with torch.no_grad():
        labels = curved.eval()(images).argmax(1)

    def standing(attack):
        with torch.no_grad():
            return set((curved(attack(curved, images, labels)).argmax(1) == labels).nonzero()[:, 0].tolist())

    threat = L2(0.2)
    for fewer, more in (
        (APGD(threat=threat, steps=3), APGD(threat=threat, steps=3, restarts=6)),
        (APGDTargeted(threat=threat, targets=1), APGDTargeted(threat=threat, targets=9)),
    ):
        assert standing(more) < standing(fewer)


def test_too_few_classes(curved):
    classifier = linear(torch.randn(2, 16), torch.zeros(2))
    images = torch.rand(2, 1, 4, 4)
    with torch.no_grad():
        labels = classifier(images).argmax(1)
    for attack, needed in ((APGD(loss="dlr"), 3), (APGDTargeted(), 4)):
        with pytest.raises(InputError, match=f"needs {needed} classes"):
            attack(classifier, images, labels)


@pytest.mark.parametrize(
    "make",
    [
        lambda: APGD(steps=0),
        lambda: APGD(restarts=0),
        lambda: APGD(rho=1.5),
        lambda: APGD(loss="hinge"),
        lambda: APGDTargeted(targets=0),
        lambda: APGDTargeted(steps=0),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(InputError, match="APGD"):
        make()
