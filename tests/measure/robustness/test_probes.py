"""Networks that draw lots now and then, and gradients that mislead, are never trusted; honest ones are."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import ironglass as ig
from ironglass.attacks import PGD, Linf
from ironglass.measure.robustness.probes import SEARCHED, gradient_free_search
from ironglass.measure.robustness.repeated_passes import PASSES, count_differing_reruns, pass_twice
from ironglass.measure.robustness.white_box import white_box
from ironglass.models import Classifier


@pytest.fixture(scope="module")
def digits():
    return ig.load_dataset("digits", size=8)


def trained(digits, *layers: nn.Module, epochs: int = 10, adversarial: float = 0.0) -> Classifier:
    torch.manual_seed(0)
    classifier = Classifier(nn.Sequential(*layers), mean=(0.5,), std=(0.25,), classes=digits.classes, input_size=8)
    descent = torch.optim.Adam(classifier.parameters(), 1e-3)
    pixels, labels = digits.train[:]
    for _ in range(epochs):
        for index in torch.randperm(len(labels)).split(64):
            images = pixels[index]
            if adversarial:
                images = PGD(threat=Linf(adversarial), steps=3)(classifier, images, labels[index])
            descent.zero_grad()
            F.cross_entropy(classifier.train()(images), labels[index]).backward()
            descent.step()
    return classifier.eval()


def dense(activation, *first: nn.Module, inputs: int = 64) -> list[nn.Module]:
    torch.manual_seed(0)
    return [
        *first,
        nn.Flatten(),
        nn.Linear(inputs, 384),
        activation(),
        nn.Linear(384, 384),
        activation(),
        nn.Linear(384, 10),
    ]


class Winners(nn.Module):
    """Keeps the largest of all values (Xiao et al. 2019, arXiv 1905.10510)."""

    def __init__(self, share: float = 0.04) -> None:
        super().__init__()
        self.share = share

    def forward(self, x):
        flat = x.flatten(1)
        least = flat.topk(max(1, int(self.share * flat.shape[1])), 1).values[:, -1:]
        return torch.where(flat >= least, flat, 0.0).view_as(x)


class Thermometer(nn.Module):
    """Levels as inputs of their own (Buckman et al. 2018), whose steps have no slope."""

    def forward(self, x):
        return (x > torch.linspace(-1.5, 1.5, 8).view(1, -1, 1, 1)).float()


class Quantised(nn.Module):
    def forward(self, x):
        return (2 * x).round() / 2


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return (3 * x).round() / 3

    @staticmethod
    def backward(ctx, gradient):
        return gradient.roll(1, 3)


class Misled(nn.Module):
    def forward(self, x):
        return Wrong.apply(x)


class Ripples(nn.Module):
    """Small fast waves on every pixel: the slope is theirs."""

    def forward(self, x):
        return x + 0.02 * torch.sin(400 * x)


class Hot(nn.Module):
    def forward(self, x):
        return 1e5 * x


@pytest.fixture(scope="module")
def plain(digits) -> Classifier:
    return trained(digits, *dense(nn.ReLU))


def before(plain: Classifier, first: nn.Module, last: nn.Module | None = None) -> Classifier:
    network = nn.Sequential(first, plain.network, last or nn.Identity())
    return Classifier(network.eval(), mean=(0.5,), std=(0.25,), classes=plain.classes, input_size=8)


MASKED = {
    "4 % of winners": lambda digits, plain: trained(digits, *dense(Winners)),
    "8 % of winners": lambda digits, plain: trained(digits, *dense(lambda: Winners(0.08))),
    "thermometer": lambda digits, plain: trained(digits, *dense(nn.ReLU, Thermometer(), inputs=512)),
    "quantised": lambda digits, plain: before(plain, Quantised()),
    "a wrong slope": lambda digits, plain: before(plain, Misled()),
    "ripples": lambda digits, plain: before(plain, Ripples()),
}


@pytest.mark.parametrize("kind", MASKED)
def test_masked_gradients_are_not_trusted(kind, digits, plain):
    classifier, (images, labels) = MASKED[kind](digits, plain), digits.test[:]
    images, labels = images[:150], labels[:150]
    for name in ("pgd-20", "apgd-ce-20"):
        verdict = ig.attack(classifier, images, labels, name, eps=0.2).verdict
        assert verdict.word != "trusted"
        if "winners" in kind or kind == "ripples":
            assert any("gradient-free attack, fools images that this" in reason for reason in verdict.reasons), verdict
    stood = white_box(classifier, digits.test.take(slice(0, 150)), ["pgd-20"], [0.2])
    assert stood[0].verdict["word"] != "trusted"


def test_a_huge_temperature_hides_nothing(digits, plain):
    images, labels = digits.test[:]
    images, labels = images[:150], labels[:150]
    hot = ig.attack(before(plain, nn.Identity(), Hot()), images, labels, "pgd-20", eps=0.15)
    cool = ig.attack(plain, images, labels, "pgd-20", eps=0.15)
    assert abs(hot.fooled.float().mean() - cool.fooled.float().mean()) <= 0.03
    assert "attacks divide them by" in hot.verdict.reasons[0]


HONEST = {
    "plain": lambda digits, plain: plain,
    "adversarially trained": lambda digits, plain: trained(digits, *dense(nn.ReLU), adversarial=0.1, epochs=5),
    "gelu": lambda digits, plain: trained(digits, *dense(nn.GELU)),
    "tanh": lambda digits, plain: trained(digits, *dense(nn.Tanh)),
}


@pytest.mark.parametrize("kind", HONEST)
@pytest.mark.parametrize("eps", [0.05, 0.1, 0.15])
def test_honest_networks_stay_trusted(kind, eps, digits, plain):
    classifier, (images, labels) = HONEST[kind](digits, plain), digits.test[:]
    found = ig.attack(classifier, images[:150], labels[:150], "pgd-20", eps=eps)
    assert found.verdict.word == "trusted", found.verdict


# --- lots ------------------------------------------------------------------------------------------------------------


class Rarely(nn.Module):
    """Does something else on one pass in ten, drawn from any of the generators a network may use."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source, self.passes = source, 0

    def forward(self, x):
        self.passes += 1
        drawn = {
            "torch": lambda: float(torch.rand(())) < 0.1,
            "numpy": lambda: np.random.rand() < 0.1,  # noqa: NPY002
            "python": lambda: random.random() < 0.1,
            "counting": lambda: self.passes % 10 == 0,
        }[self.source]()
        return x.flip(3) if drawn else x


@pytest.mark.parametrize("source", ["torch", "numpy", "python", "counting"])
def test_lots_on_one_pass_in_ten_are_found_and_nothing_is_disturbed(source, digits, plain):
    classifier, images = before(plain, Rarely(source)), digits.test[:][0][:4]
    missed = 0
    for seed in range(20):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        random.seed(seed)
        kept = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
        missed += count_differing_reruns(classifier, images) == 0
        assert torch.equal(torch.get_rng_state(), kept[0])
        assert np.random.get_state()[1].tolist() == kept[1]  # noqa: NPY002
        assert random.getstate() == kept[2]
    assert missed <= 2  # of 20, each missed with p 0.01
    assert count_differing_reruns(plain, images) == 0
    assert 0.9**PASSES < 0.01


def test_what_draws_now_and_then_is_never_trusted(digits, plain):
    images, labels = digits.test[:]
    for seed in range(3):
        torch.manual_seed(seed)
        verdict = ig.attack(before(plain, Rarely("torch")), images[:100], labels[:100], "pgd-5", eps=0.05).verdict
        assert verdict.word == "invalid"
        assert any("deterministic" in reason for reason in verdict.reasons)


def test_an_honest_network_passes_twice_and_another_three_times(digits, plain):
    images, passes = digits.test[:][0][:10], []
    counted = before(plain, nn.Identity())
    counted.settle()
    counted.network.register_forward_hook(lambda module, given, out: passes.append(len(out)))
    found = pass_twice(counted, images)
    assert passes == [10, 5, 5]
    torch.testing.assert_close(found.logits, found.again)
    passes.clear()

    class Drawing(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    drawing = before(plain, Drawing())
    drawing.settle()
    drawing.network.register_forward_hook(lambda module, given, out: passes.append(len(out)))
    found = pass_twice(drawing, images)
    assert passes == [10, 5, 5, 10]
    assert not torch.allclose(found.logits, found.again)


def test_the_search_is_of_what_was_left_right(digits, plain):
    images, labels = digits.test[:]
    images, labels = images[:150], labels[:150]
    attack = PGD(threat=Linf(0.1), steps=20)
    with torch.no_grad():
        right = plain(attack(plain, images, labels)).argmax(1) == labels
    reference = gradient_free_search(plain, images, labels, attack, right)
    assert reference is not None
    assert (reference.kind, reference.evaluated["value"], reference.evaluated["n"]) == ("search", 1.0, SEARCHED)
    assert reference.accuracy["value"] > 0.96
    assert gradient_free_search(plain, images, labels, attack, torch.zeros(150, dtype=torch.bool)) is None
    again = gradient_free_search(plain, images, labels, attack, right)
    assert again == reference
