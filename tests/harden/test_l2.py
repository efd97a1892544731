"""L2 training: every objective's images are those of a plain loop written here, and stay within ball and box."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.harden import (
    AWP,
    MART,
    NFGSM,
    OBJECTIVES,
    TRADES,
    AdversarialRegularisation,
    FastAT,
    FGSMTraining,
    Free,
    PGDTraining,
    find_objective,
)
from ironglass.models import Classifier
from ironglass.testing import check_objective
from ironglass.train.objective import as_objective

EPS = 0.4
SIZES = pytest.mark.parametrize("name", [*OBJECTIVES, "awp"])


def length(change):
    return change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def unit(gradient):
    return gradient / length(gradient)


def within(images, adversarial, eps):
    change = adversarial - images
    return (images + change * (eps / length(change)).clamp(max=1)).clamp(0, 1)


def drawn(images, eps):
    """Uniform in the ball: a direction of normal draws, and a radius whose power of d is uniform."""
    direction = unit(torch.randn_like(images))
    return eps * torch.rand(len(images), 1, 1, 1, dtype=images.dtype) ** (1 / images[0].numel()) * direction


def slope(loss, images):
    images = images.detach().requires_grad_()
    return torch.autograd.grad(loss(images), images)[0]


def loop(loss, images, start, eps, steps, step_size):
    adversarial = within(images, start, eps)
    for _ in range(steps):
        adversarial = within(images, adversarial + step_size * unit(slope(loss, adversarial)), eps)
    return adversarial


def cross_entropy(classifier, labels):
    return lambda images: F.cross_entropy(classifier(images), labels, reduction="sum")


def in_eval(classifier, attack):
    classifier.eval()
    found = attack()
    classifier.train()
    return found


def fast_at(classifier, images, labels):
    return loop(cross_entropy(classifier, labels), images, images + drawn(images, EPS), EPS, 1, 1.25 * EPS)


def n_fgsm(classifier, images, labels):
    noisy = images + drawn(images, 2 * EPS)
    return noisy + EPS * unit(slope(cross_entropy(classifier, labels), noisy))


def pgd(classifier, images, labels):
    start, loss = images + drawn(images, EPS), cross_entropy(classifier, labels)
    return in_eval(classifier, lambda: loop(loss, images, start, EPS, 7, EPS / 4))


def mart(classifier, images, labels):
    start, loss = images + 0.001 * torch.randn_like(images), cross_entropy(classifier, labels)
    return in_eval(classifier, lambda: loop(loss, images, start, EPS, 10, EPS / 4))


def trades(classifier, images, labels):
    start = images + 0.001 * torch.randn_like(images)

    def attack():
        clean = classifier(images).detach().softmax(1)
        loss = lambda moved: F.kl_div(classifier(moved).log_softmax(1), clean, reduction="sum")  # noqa: E731
        return loop(loss, images, start, EPS, 10, 2 * EPS / 10)

    return in_eval(classifier, attack)


def one_step(classifier, images, labels):
    mean = lambda images: F.cross_entropy(classifier(images), labels)  # noqa: E731
    return (images + EPS * unit(slope(mean, images))).clamp(0, 1)


BY_HAND = {
    "fast-at": (FastAT(norm="l2", eps=EPS), fast_at),
    "n-fgsm": (NFGSM(norm="l2", eps=EPS), n_fgsm),
    "pgd": (PGDTraining(norm="l2", eps=EPS), pgd),
    "mart": (MART(norm="l2", eps=EPS), mart),
    "trades": (TRADES(norm="l2", eps=EPS), trades),
    "fgsm": (FGSMTraining(norm="l2", eps=EPS), one_step),
    "adversarial-regularisation": (AdversarialRegularisation(adv_grad_norm="l2", adv_step_size=EPS), one_step),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_the_images_of_a_loop_by_hand(name, classifier, batch):
    objective, attack = BY_HAND[name]
    classifier.double().network[1].momentum = 0.0  # the same network in both; in float a KL near 0 is mostly rounding
    images, labels = batch[0].double(), batch[1]
    torch.manual_seed(5)
    ours = objective.perturb(classifier, images, labels)
    torch.manual_seed(5)
    torch.testing.assert_close(ours, attack(classifier, images, labels).detach(), rtol=0, atol=1e-9)
    assert length(ours - images).max() > 0.5 * EPS


def test_free_training_by_hand(classifier, batch):
    images, labels = batch
    objective = Free(norm="l2", eps=EPS, step_size=0.7 * EPS)
    torch.manual_seed(5)
    change = objective.replay(classifier, images, labels)[2]
    following = objective.replay(classifier, images, labels, change)[2]
    torch.manual_seed(5)
    by_hand = drawn(images, EPS)
    for ours in (change, following):
        mean = lambda change: F.cross_entropy(classifier((images + change).clamp(0, 1)), labels)  # noqa: E731
        by_hand = by_hand + 0.7 * EPS * unit(slope(mean, by_hand))
        by_hand = by_hand * (EPS / length(by_hand)).clamp(max=1)
        torch.testing.assert_close(ours, by_hand, rtol=0, atol=1e-6)


@SIZES
@pytest.mark.parametrize("eps", [0.05, EPS, 3.0])
def test_ball_and_box_are_never_left(name, eps, classifier, batch, call, watch):
    objective = find_objective("pgd" if name == "awp" else name, eps=eps, norm="l2", awp=name == "awp")
    given = watch(classifier)
    torch.manual_seed(1)
    call(objective, classifier, *batch)
    reach = max(float(length(seen - batch[0]).max()) for seen in given.images)
    assert 0.5 * min(eps, 1) < reach <= (3 if name == "n-fgsm" else 1) * eps + 1e-5
    inside = all(seen.min() >= 0 and seen.max() <= 1 for seen in given.images)
    assert inside == (name != "n-fgsm")


@SIZES
def test_the_contract_holds_under_l2(name):
    objective = find_objective("pgd" if name == "awp" else name, eps=EPS, norm="l2", awp=name == "awp")
    check_objective(objective, reach=3 * EPS if name == "n-fgsm" else None)


def test_the_contract_measures_by_the_norm():
    class Louder(NFGSM):
        def __call__(self, classifier, images, labels):
            return replace(NFGSM(norm=self.norm), eps=1.1 * self.eps)(classifier, images, labels)

    for norm, unit_words in (("linf", ""), ("l2", " in l2")):
        with pytest.raises(AssertionError, match=rf"beyond a reach of 0\.2{unit_words}$"):
            check_objective(Louder(norm=norm, eps=0.1), reach=0.2)


@pytest.fixture
def linear():
    weight = torch.randn(1, 16, generator=torch.Generator().manual_seed(1))
    head = nn.Linear(16, 2, bias=False)
    head.weight.data = torch.cat((weight, -weight)) / 2  # the lead of class 0 is weight · x
    network = nn.Sequential(nn.Flatten(), head)
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4).train(), weight


@pytest.mark.parametrize(
    ("objective", "share"),
    [
        (FastAT(norm="l2", eps=0.03, step_size=20.0), 1),  # so long a step forgets its start
        (NFGSM(norm="l2", eps=0.03, noise=0), 1),
        (PGDTraining(norm="l2", eps=0.03, steps=200, step_size=0.03), 1),
        (Free(norm="l2", eps=0.03, step_size=20.0), 1),
        (FGSMTraining(norm="l2", eps=0.03, alpha=0.25), 0.75),
    ],
    ids=["fast-at", "n-fgsm", "pgd", "free", "fgsm"],
)
def test_closed_form_of_a_linear_network(objective, share, linear, call):
    classifier, weight = linear
    images = 0.5 + 0.1 * torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(2))
    labels, margin = torch.tensor([0, 1, 0]), (images.flatten(1) @ weight[0]) * torch.tensor([1.0, -1.0, 1.0])
    loss, _ = call(objective, classifier, images, labels)
    worst = F.softplus(-margin + 0.03 * weight.norm())
    expected = (1 - share) * F.softplus(-margin) + share * worst
    torch.testing.assert_close(loss.detach(), expected.mean(), rtol=1e-4, atol=1e-6)


def test_draws_are_uniform_in_the_ball():
    torch.manual_seed(0)
    images = torch.zeros(4000, 1, 1, 2)
    draw = PGDTraining(norm="l2", eps=2.0).draw(images).flatten(1)
    radius = draw.norm(dim=1)
    assert radius.max() <= 2
    assert float((radius < 1).double().mean()) == pytest.approx(1 / 4, abs=4 * math.sqrt(3 / 16 / 4000))  # the area
    assert float((draw[:, 0] > 0).double().mean()) == pytest.approx(1 / 2, abs=4 * math.sqrt(1 / 4 / 4000))


def test_eps_goes_by_the_norm():
    assert NFGSM(norm="l2").eps == find_objective("n-fgsm", norm="l2").eps == 128 / 255
    assert NFGSM().eps == NFGSM(norm="linf").eps == 8 / 255
    assert NFGSM(norm="l2", eps=3).eps == 3
    for refused in (lambda: NFGSM(eps=3), lambda: replace(NFGSM(norm="l2", eps=3), norm="linf")):
        with pytest.raises(InputError, match="eps is 3 and images range from 0 to 1"):
            refused()
    with pytest.raises(InputError, match="norm is 'l3': choose from linf, l2"):
        NFGSM(norm="l3")
    found = find_objective("adversarial-regularisation", eps=0.3, norm="l2")
    assert found == AdversarialRegularisation(adv_grad_norm="l2", adv_step_size=0.3)
    assert find_objective("trades", norm="linf") == TRADES()


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("n-fgsm:0.5@l2", NFGSM(norm="l2", eps=0.5)),
        ("trades @ l2", TRADES(norm="l2", eps=128 / 255)),
        ("pgd:8/255@linf", PGDTraining(eps=8 / 255)),
        ({"kind": "mart", "norm": "l2", "eps": 1}, MART(norm="l2", eps=1)),
        ({"kind": "AWP", "objective": "free@l2"}, None),
    ],
)
def test_spelling(text, objective):
    if objective is None:
        with pytest.raises(InputError, match="AWP cannot go around Free"):
            as_objective(text)
    else:
        assert as_objective(text) == objective


def test_misspellings():
    for text, message in (
        ("n-fgsm:0.5@l3", "there is no norm 'l3'"),
        ("cross-entropy@l2", "cross-entropy trains against no change of a size: leave @l2 out"),
        ("n-fgsm:@l2", "eps '' is not a number"),
    ):
        with pytest.raises(InputError, match=message):
            as_objective(text)


def test_awp_takes_over_the_norm(classifier, batch, watch):
    given = watch(classifier)
    AWP(objective=FastAT(norm="l2", eps=EPS))(classifier, *batch)
    assert float(length(given.images[-1] - batch[0]).max()) == pytest.approx(EPS, rel=0.2)
