"""Broken defences are found out and honest networks are not, on real digits."""

import cProfile
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import ironglass as ig
from ironglass.attacks import FGSM, L2, PGD, Linf, Square
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.robustness.evidence import Evidence, gather_evidence
from ironglass.measure.robustness.repeated_passes import logits_and_autograd_use
from ironglass.measure.robustness.verdict import judge
from ironglass.models import Classifier
from ironglass.models.zoo.logistic import logistic

ATTACK = PGD(threat=Linf(0.1), steps=20)
CONTROL = Square(queries=60)


@pytest.fixture(scope="module")
def digits():
    return ig.load_dataset("digits", size=8)


def trained(
    digits,
    network: nn.Module,
    *,
    epochs: int = 12,
    smoothing: float = 0.0,
    decay: float = 0.0,
    adversarial: float = 0.0,
) -> Classifier:
    torch.manual_seed(1)
    channels = 1 if next(network.parameters()).shape[1] in (1, 64) else 3
    classifier = Classifier(
        network, mean=(0.3,) * channels, std=(0.4,) * channels, classes=digits.classes, input_size=digits.size
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=decay)
    pixels, labels = digits.train[:]
    pixels = pixels.expand(-1, channels, -1, -1)
    for _ in range(epochs):
        for index in torch.randperm(len(labels)).split(100):
            images = pixels[index]
            if adversarial:
                images = PGD(threat=Linf(adversarial), steps=3)(classifier, images, labels[index])
            classifier.train()
            optimiser.zero_grad()
            F.cross_entropy(classifier(images), labels[index], label_smoothing=smoothing).backward()
            optimiser.step()
    return classifier.eval()


def convolutional(activation: Callable[[], nn.Module] = nn.ReLU, channels: int = 1) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        activation(),
        nn.Conv2d(16, 16, 3, 2, 1),
        activation(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


@pytest.fixture(scope="module")
def plain(digits) -> Classifier:
    return trained(digits, convolutional())


# --- twelve defences that only look like one -------------------------------------------------------------------------


class Defence(nn.Module):
    """Something done to the pixels, as the network sees them, before it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def before(self, images: Tensor) -> Tensor:
        return images

    def forward(self, images: Tensor) -> Tensor:
        return self.network(self.before(images))


class Quantised(Defence):
    def before(self, images):
        return (8 * images).round() / 8


class Detached(Defence):
    """The gradient sees only a branch that does not matter."""

    def forward(self, images):
        return self.network(images).detach() + 1e-3 * F.pad(images.flatten(1)[:, :5], (0, 5))


class Resized(Defence):
    def before(self, images):
        side = int(torch.randint(5, 8, ()))
        return F.interpolate(F.interpolate(images, side), 8)


class Saturated(Defence):
    def forward(self, images):
        return 1000 * self.network(images)


class Noisy(Defence):
    def before(self, images):
        return images + 0.3 * torch.randn_like(images)


class Argmax(Defence):
    def forward(self, images):
        return F.one_hot(self.network(images).argmax(1), 10).float()


class Probabilities(Defence):
    def forward(self, images):
        return self.network(images).softmax(1)


class Compressed(Defence):
    """Rounds the coefficients of a cosine transform of 8×8 pixels, as JPEG does."""

    def before(self, images):
        n = torch.arange(8.0)
        basis = torch.cos(torch.pi * (n + 0.5) * n[:, None] / 8) * torch.where(n[:, None] == 0, 0.125, 0.25).sqrt()
        return basis.T @ (basis @ images @ basis.T).round() @ basis


class Steps(Defence):
    """Counts levels by the sign of each pixel's distance to them."""

    def before(self, images):
        levels = torch.linspace(-0.7, 1.6, 12)
        return (images[..., None] - levels).sign().mean(-1) * 1.2 + 0.45


class Misleading(Defence):
    """Levels again, and a gradient of its own making."""

    class Levels(torch.autograd.Function):
        @staticmethod
        def forward(ctx, images):
            return (5 * images).round() / 5

        @staticmethod
        def backward(ctx, gradient):
            return gradient.flip(2, 3)

    def before(self, images):
        return self.Levels.apply(images)


class Dropping(Defence):
    def before(self, images):
        return F.dropout(images, 0.2, training=True)


class Purified(Defence):
    """Walks a little way to where the network is surer, before it looks."""

    def before(self, images):
        with torch.inference_mode(False), torch.enable_grad():
            moved = images.detach().clone().requires_grad_()
            (slope,) = torch.autograd.grad(self.network(moved).logsumexp(1).sum(), moved)
        return images + 0.05 * slope.sign()


class Undefined(Defence):
    """The root's slope at 0 is infinite."""

    def before(self, images):
        return images + (images - images.detach()).abs().sqrt()


DEFENCES = {
    Quantised: ("invalid", "gradient is zero on 100.0 %"),
    Detached: ("invalid", "plain grey"),
    Resized: ("invalid", "two passes"),
    Saturated: ("suspect", "attacks divide them by"),
    Noisy: ("invalid", "two passes"),
    Argmax: ("invalid", "gradient is zero on 100.0 %"),
    Probabilities: ("suspect", "look like probabilities"),
    Compressed: ("invalid", "gradient is zero on 100.0 %"),
    Steps: ("invalid", "gradient is zero on 100.0 %"),
    Misleading: ("suspect", "Square, which takes no gradients, fools more"),
    Dropping: ("invalid", "two passes"),
    Purified: ("suspect", "autograd inside its own forward"),
    Undefined: ("invalid", "not finite"),
}


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda defence: defence.__name__)
def test_broken_defences_are_found_out(defence, digits, plain):
    classifier = Classifier(defence(plain.network), mean=(0.3,), std=(0.4,), classes=plain.classes, input_size=8)
    verdict = judge(gather_evidence(classifier, digits.test, ATTACK, gradient_free=CONTROL, samples=128))
    word, says = DEFENCES[defence]
    assert any(says in reason for reason in verdict.reasons), verdict
    assert verdict.word in (word, "invalid")


# --- ten networks that are what they seem ----------------------------------------------------------------------------

HONEST: dict[str, Callable] = {
    "plain": lambda digits: trained(digits, convolutional()),
    "adversarially trained": lambda digits: trained(digits, convolutional(), epochs=8, adversarial=0.1),
    "label smoothing": lambda digits: trained(digits, convolutional(), smoothing=0.2),
    "weight decay": lambda digits: trained(digits, convolutional(), decay=1.0),
    "long training": lambda digits: trained(digits, convolutional(), epochs=30),
    "logistic": lambda digits: trained(digits, logistic(classes=10, channels=1, size=digits.size)),
    "multilayer": lambda digits: trained(
        digits, nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
    ),
    "batch-norm and max-pool": lambda digits: trained(
        digits,
        nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 3, 1, 1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(256, 10),
        ),
    ),
    "gelu": lambda digits: trained(digits, convolutional(nn.GELU)),
    "average-pool": lambda digits: trained(
        digits,
        nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 24, 3, padding=1),
            nn.ReLU(),
            nn.AvgPool2d(4),
            nn.Flatten(),
            nn.Linear(96, 10),
        ),
    ),
    "colour": lambda digits: trained(digits, convolutional(channels=3)),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_networks_are_trusted(name, digits, plain):
    classifier, split = HONEST[name](digits), digits.test
    if classifier.channels == 3:
        split, surrogate = Split(np.repeat(split.pixels, 3, axis=3), split.labels, split.names), None
    else:
        surrogate = None if name == "plain" else plain
    evidence = gather_evidence(classifier, split, ATTACK, gradient_free=CONTROL, surrogate=surrogate, samples=160)
    assert evidence.points[0][1]["value"] > 0.85
    verdict = judge(evidence)
    assert verdict.word == "trusted", (verdict, evidence)


# --- the gathering ---------------------------------------------------------------------------------------------------


def test_what_is_gathered(digits, plain):
    steps = []
    evidence = gather_evidence(
        plain,
        digits.test,
        PGD(threat=L2(0.4), steps=5),
        gradient_free=CONTROL,
        surrogate=trained(digits, convolutional(nn.GELU), epochs=2),
        samples=100,
        batch_size=60,
        progress=lambda *step: steps.append(step),
    )
    assert isinstance(evidence, Evidence)
    assert steps == [(60, 100), (100, 100)]
    assert (evidence.observations.n, evidence.observations.repeated, evidence.steps, evidence.chance) == (
        100,
        100,
        5,
        0.1,
    )
    assert [eps for eps, _ in evidence.points] == pytest.approx([0, 0.2, 0.4, 0.8])
    values = [rate["value"] for _, rate in evidence.points]
    assert values == sorted(values, reverse=True)
    assert [reference.kind for reference in evidence.reference_attacks] == [
        "gradient-free",
        "single-step",
        "noise",
        "transfer",
        "longer",
    ]
    assert {reference.evaluated["value"] for reference in evidence.reference_attacks} == {values[2]}
    assert evidence.reference_attacks[2].accuracy["value"] > values[2]
    assert evidence.unbounded_eps_accuracy is not None
    assert evidence.unbounded_eps_accuracy["value"] == 0
    again = gather_evidence(plain, digits.test, PGD(threat=L2(0.4), steps=5), samples=100, batch_size=60)
    assert [reference.kind for reference in again.reference_attacks] == ["single-step", "noise", "longer"]
    assert again.points == evidence.points


def test_a_single_step_is_not_its_own_rival(digits, plain):
    evidence = gather_evidence(plain, digits.test, FGSM(threat=Linf(0.1)), samples=100)
    assert [reference.kind for reference in evidence.reference_attacks] == ["noise"]
    assert "upper bound" in judge(evidence).reasons[0]


def test_an_empty_split_is_refused(digits, plain):
    with pytest.raises(InputError, match="empty"):
        gather_evidence(plain, digits.test.take(slice(0, 0)))


def test_watched(plain):
    images, profile = torch.rand(3, 1, 8, 8), sys.getprofile()
    purified = Classifier(Purified(plain.network), mean=(0.3,), std=(0.4,), classes=plain.classes, input_size=8)
    logits, autograd = logits_and_autograd_use(plain, images)
    torch.testing.assert_close(logits, plain(images).detach())
    assert not autograd
    assert logits_and_autograd_use(purified, images)[1]
    with pytest.raises(RuntimeError):
        logits_and_autograd_use(plain, torch.rand(3, 1, 9, 9))
    assert sys.getprofile() is profile


def test_under_cprofile_it_gives_the_logits_and_leaves_the_profiler() -> None:
    network = logistic(classes=2, channels=1, size=(2, 2))
    linear = Classifier(network, mean=(0.5,), std=(1.0,), classes=("a", "b"), input_size=2)
    images = torch.full((2, 1, 2, 2), 0.5)
    profile = cProfile.Profile()
    profile.enable()
    try:
        logits, autograd = logits_and_autograd_use(linear, images)
        assert sys.getprofile() is profile
    finally:
        profile.disable()
    assert torch.equal(logits, linear(images))
    assert not autograd
