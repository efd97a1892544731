"""On a linear classifier of two classes every attack has a closed form, and so has every loss."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from ironglass.harden import MART, NFGSM, TRADES, AdversarialRegularisation, FastAT, FGSMTraining, Free, PGDTraining
from ironglass.models import Classifier

EPS = 0.03


@pytest.fixture
def weight():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, 16, generator=generator)


@pytest.fixture
def linear(weight):
    head = nn.Linear(16, 2, bias=False)
    head.weight.data = torch.cat((weight, -weight)) / 2  # the lead of class 0 is weight · x
    network = nn.Sequential(nn.Flatten(), head)
    return Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4).train()


@pytest.fixture
def images():
    return 0.5 + 0.1 * torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(2))


LABELS = torch.tensor([0, 1, 0])


def margin(weight, images):
    return (images.flatten(1) @ weight[0]) * torch.tensor([1.0, -1.0, 1.0])


@pytest.mark.parametrize(
    "objective",
    [FastAT(eps=EPS, step_size=2 * EPS), NFGSM(eps=EPS, noise=0), PGDTraining(eps=EPS, steps=8)],
    ids=["fast-at", "n-fgsm", "pgd"],
)
def test_losses_of_the_worst_image(objective, linear, weight, images):
    loss, _ = objective(linear, images, LABELS)
    expected = softplus(-margin(weight, images) + EPS * weight.abs().sum()).mean()
    torch.testing.assert_close(loss.detach(), expected)


def test_free_training_from_its_second_replay(linear, weight, images, call):
    loss, _ = call(Free(eps=EPS, step_size=2 * EPS), linear, images, LABELS)
    torch.testing.assert_close(loss.detach(), softplus(-margin(weight, images) + EPS * weight.abs().sum()).mean())


def test_n_fgsm_steps_on_from_its_noise(linear, weight, images, watch):
    given = watch(linear)
    loss, _ = NFGSM(eps=EPS)(linear, images, LABELS)
    noisy, stepped = given.images
    assert EPS < (noisy - images).abs().max() <= 2 * EPS
    assert (noisy - images).abs().mean() == pytest.approx(EPS, rel=0.3)
    torch.testing.assert_close((stepped - noisy).abs(), torch.full_like(noisy, EPS), rtol=0, atol=1e-6)
    torch.testing.assert_close(loss.detach(), softplus(-margin(weight, noisy) + EPS * weight.abs().sum()).mean())


@pytest.mark.parametrize("alpha", [0.5, 0.8])
def test_fgsm_training(alpha, linear, weight, images):
    loss, _ = FGSMTraining(eps=EPS, alpha=alpha)(linear, images, LABELS)
    clean = margin(weight, images)
    expected = alpha * softplus(-clean) + (1 - alpha) * softplus(-clean + EPS * weight.abs().sum())
    torch.testing.assert_close(loss.detach(), expected.mean())


@pytest.mark.parametrize(
    ("norm", "dual"),
    [("infinity", lambda w: w.abs().sum()), ("l2", lambda w: w.norm()), ("l1", lambda w: w.abs().max())],
)
def test_adversarial_regularisation_climbs_the_dual_norm(norm, dual, linear, weight, images):
    objective = AdversarialRegularisation(multiplier=0.7, adv_step_size=0.2, adv_grad_norm=norm, clip=False)
    loss, _ = objective(linear, images, LABELS)
    clean = margin(weight, images)
    torch.testing.assert_close(
        loss.detach(), (softplus(-clean) + 0.7 * softplus(-clean + 0.2 * dual(weight))).mean(), rtol=1e-5, atol=1e-6
    )


def binary_kl(m, n):
    """KL between the two-class distributions with these margins."""
    p, q = torch.sigmoid(m), torch.sigmoid(n)
    return p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()


def test_trades(linear, weight, images):
    # from the image both ways up are as steep: the start decides
    loss, _ = TRADES(eps=EPS, beta=3)(linear, images[:1], LABELS[:1])
    clean = margin(weight, images)[0]
    reach = EPS * weight.abs().sum()
    either = [float(softplus(-clean) + 3 * binary_kl(clean, clean + sign * reach)) for sign in (-1, 1)]
    assert min(abs(float(loss.detach()) - one) for one in either) < 1e-5
    assert abs(either[0] - either[1]) > 1e-3


def test_mart(linear, weight, images):
    loss, _ = MART(eps=EPS, beta=3)(linear, images, LABELS)
    clean = margin(weight, images)
    worst = clean - EPS * weight.abs().sum()
    unsure = torch.sigmoid(-clean)
    torch.testing.assert_close(loss.detach(), (2 * softplus(-worst) + 3 * binary_kl(clean, worst) * unsure).mean())


def given_logits(first, second):
    """A stand-in for a classifier: what it answers to the first pass and to the second."""
    answers = iter((first, second))
    return lambda images: next(answers)


def test_trades_and_mart_by_hand():
    half, quarter = math.log(2), math.log(4)
    clean = torch.tensor([[0.5, 0.25, 0.25]]).log()
    fooled = torch.tensor([[0.25, 0.5, 0.25]]).log()
    label, nothing = torch.tensor([0]), torch.empty(0)
    kl = 0.5 * half - 0.25 * half  # Σ p log(p / q)
    loss, logits = TRADES(beta=6).loss(given_logits(clean, fooled), nothing, nothing, label)
    assert float(loss.detach()) == pytest.approx(half + 6 * kl, rel=1e-6)
    assert torch.equal(logits, clean)
    loss, logits = MART(beta=5).loss(given_logits(clean, fooled), nothing, nothing, label)
    assert float(loss.detach()) == pytest.approx(quarter - math.log(1 - 0.5) + 5 * kl * (1 - 0.5), rel=1e-6)
    assert torch.equal(logits, clean)


def test_mart_keeps_a_gradient_where_the_network_is_sure_and_wrong():
    logits = torch.tensor([[0.0, 60.0, 0.0]], requires_grad=True)
    loss, _ = MART(beta=0).loss(
        given_logits(logits.detach(), logits), torch.empty(0), torch.empty(0), torch.tensor([0])
    )
    assert float(loss.detach()) == pytest.approx(60 + 60 - math.log(2), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, logits)
    torch.testing.assert_close(gradient, torch.tensor([[-1.5, 2.0, -0.5]]))
