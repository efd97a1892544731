"""check_attack: every attack of ours passes, and for each part of the contract one that breaks it is caught."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.attacks import ATTACKS, FGSM, L2, PGD, Linf, Threat, attack_call
from ironglass.models import Classifier
from ironglass.testing import check_attack, networks

# the contract holds at any budget; a small one keeps it quick
QUICK = {
    name: replace(attack, **{field.name: 12 for field in fields(attack) if field.name in ("steps", "queries")})
    if name not in ("fgsm", "pgd-20")
    else attack
    for name, attack in ATTACKS.items()
}
QUICK["carlini-wagner"] = replace(QUICK["carlini-wagner"], step_size=0.1, search_steps=4)
INDEPENDENT = {"deepfool", "carlini-wagner", "fab", "fab-t"}


@pytest.mark.parametrize("name", QUICK)
def test_every_attack_keeps_the_contract(name: str) -> None:
    check_attack(QUICK[name], independent=name in INDEPENDENT)


@pytest.mark.parametrize("attack", [PGD(steps=4, restarts=2), PGD(steps=4, momentum=0.75, step_size=0.1)])
def test_so_do_other_settings(attack: Any) -> None:
    check_attack(attack)


@dataclass(frozen=True, kw_only=True)
class Good:
    """One step along the gradient of the cross-entropy: what the mutants below break in one way each."""

    label: ClassVar[str] = "One step"
    family: ClassVar[str] = "single-step"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2")
    threat: Threat = Linf(8 / 255)  # noqa: RUF009
    steps: int = 1

    @attack_call
    def __call__(self, classifier: Any, images: Any, labels: Any, *, generator: Any = None) -> Any:
        return self.make(classifier, images, labels, generator)

    def make(self, classifier: Any, images: Any, labels: Any, generator: Any) -> Any:
        step = self.threat.step(self.slope(classifier, images, labels))
        return self.threat.project(images, images + self.threat.eps * step)

    def _good(self, classifier: Any, images: Any, labels: Any) -> Any:
        return Good(threat=self.threat)(classifier, images, labels)

    def slope(self, classifier: Any, images: Any, labels: Any) -> Any:
        with torch.enable_grad():
            moving = images.clone().requires_grad_()
            (slope,) = torch.autograd.grad(F.cross_entropy(classifier(moving), labels, reduction="sum"), moving)
        return slope.nan_to_num(0, 0, 0)


def mutant(**parts: Any) -> Any:
    return type("Mutant", (Good,), parts)()


def made(change: Any) -> Any:
    """A mutant that changes what the good one makes: change(self, images, adversarial, generator)."""

    def make(self: Any, classifier: Any, images: Any, labels: Any, generator: Any) -> Any:
        return change(self, images, Good.make(self, classifier, images, labels, generator), generator)

    return mutant(make=make)


def called(call: Any) -> Any:
    """A mutant with a __call__ of its own, which no decorator protects: call(self, classifier, images, labels)."""

    def __call__(self: Any, classifier: Any, images: Any, labels: Any, *, generator: Any = None) -> Any:
        return call(self, classifier, images, labels)

    return mutant(__call__=__call__)


def guarded(before: Any) -> Any:
    """A mutant that does something to the classifier and the batch before the good one's call."""
    return called(lambda self, *given: before(*given) or self._good(*given))


def with_slope(change: Any) -> Any:
    return mutant(slope=lambda self, classifier, images, labels: change(Good.slope(self, classifier, images, labels)))


def _drop_gradients(classifier: Any, images: Any, labels: Any) -> None:
    classifier.zero_grad()


def _leave_a_hook(classifier: Any, images: Any, labels: Any) -> None:
    classifier.register_forward_hook(lambda *given: None)


def _move_a_weight(classifier: Any, images: Any, labels: Any) -> None:
    next(classifier.parameters()).data.add_(1e-3)


def _eval(classifier: Any, images: Any, labels: Any) -> None:
    classifier.eval()


def _hold(classifier: Any, images: Any, labels: Any) -> None:
    classifier.requires_grad_(False)


def _draw(classifier: Any, images: Any, labels: Any) -> None:
    torch.rand(1)


def _write_into_images(classifier: Any, images: Any, labels: Any) -> None:
    images[3, 0, 0, 0] = 0.5


def _train_a_buffer(self: Any, classifier: Any, images: Any, labels: Any) -> Any:
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        classifier(images)  # in training mode: batch norm takes the images in
    return self._good(classifier, images, labels)


def _only_without_errors(self: Any, classifier: Any, images: Any, labels: Any) -> Any:
    modes = [(module, module.training) for module in classifier.modules()]
    classifier.eval()
    adversarial = self._good(classifier, images, labels)
    for module, mode in modes:  # not reached where the network raises
        module.training = mode
    return adversarial


def _rescues(self: Any, classifier: Any, images: Any, labels: Any, generator: Any) -> Any:
    misread = networks.predictions(classifier, images) != labels
    sign = torch.where(misread, -1.0, 1.0)[:, None, None, None]
    moved = images + sign * self.threat.eps * self.threat.step(self.slope(classifier, images, labels))
    return self.threat.project(images, moved)


BROKEN = {
    "has no family": (mutant(family="clever"), "lacks metadata: .* family 'clever'"),
    "has no label": (mutant(label=""), "lacks metadata: .* label ''"),
    "has no norms": (mutant(norms=["linf"]), "lacks metadata: .* norms"),
    "has no steps": (mutant(steps=None, __init__=lambda self: None), "lacks metadata: .* steps"),
    "has no threat": (type("Mutant", (), {"__call__": None})(), "Mutant lacks metadata: it has no threat"),
    "has half a threat": (type("Mutant", (), {"threat": 0.1})(), "threat without project, allows"),
    "gives a list": (called(lambda self, classifier, images, labels: [*images]), "gives list, not a Tensor"),
    "gives one image": (made(lambda self, images, adversarial, _: adversarial[:1]), r"gives shape \(1, 3, 8, 8\)"),
    "gives doubles": (made(lambda self, images, adversarial, _: adversarial.double()), "gives torch.float64"),
    "leaves [0, 1]": (
        made(lambda self, images, adversarial, _: images + self.threat.eps * 0.9),
        "gives values from .* keep to",
    ),
    "leaves its threat": (
        made(lambda self, images, adversarial, _: (images + 3 * (adversarial - images)).clamp(0, 1)),
        r"leaves its threat Linf\(eps=0.01\) on . of 6 images under linf",
    ),
    "hangs on a graph": (
        called(lambda self, classifier, images, labels: self._good(classifier, images, labels).requires_grad_()),
        "hang on a graph",
    ),
    "does nothing": (made(lambda self, images, adversarial, _: images.clone()), "changes no image under linf"),
    "steps at eps 0": (
        made(lambda self, images, adversarial, _: adversarial if self.threat.eps else (images + 1e-8).clamp(0, 1)),
        "changes images with eps=0 under linf",
    ),
    "draws by itself": (
        made(lambda self, images, *_: self.threat.start(images, torch.Generator().manual_seed(next(COUNTER)))),
        "gives other images from a generator of the same seed under linf",
    ),
    "draws by itself without a generator": (
        made(
            lambda self, images, adversarial, generator: self.threat.start(
                images, generator or torch.Generator().manual_seed(next(COUNTER))
            )
        ),
        "each time it has no generator",
    ),
    "draws from torch's generator": (guarded(_draw), "changes torch's random state under linf"),
    "drops gradients": (guarded(_drop_gradients), "changes the gradient bias of network.10|gradient of bias"),
    "leaves a hook": (guarded(_leave_a_hook), "changes the number of hooks of the classifier"),
    "moves a weight": (guarded(_move_a_weight), "changes the parameter weight of network.1"),
    "leaves eval mode": (guarded(_eval), r"changes the mode \(train or eval\) of the classifier"),
    "leaves flags": (guarded(_hold), "changes the requires_grad of bias of network.1"),
    "writes into the images": (guarded(_write_into_images), "changes the input 1"),
    "trains a buffer": (called(_train_a_buffer), "changes the buffer running_mean of network.6"),
    "cleans up only without an error": (
        called(_only_without_errors),
        r"changes the mode .* when the network fails in pass 1 under linf",
    ),
    "works only where gradients are recorded": (
        called(
            lambda self, classifier, images, labels: (
                self._good(classifier, images, labels) if torch.is_grad_enabled() else images.clone()
            )
        ),
        "gives other images under torch.no_grad under linf",
    ),
    "works only outside of inference mode": (
        called(
            lambda self, classifier, images, labels: (
                images.clone() if torch.is_inference_mode_enabled() else self._good(classifier, images, labels)
            )
        ),
        "gives other images under torch.inference_mode under linf",
    ),
    "divides by what may be NaN": (
        mutant(
            slope=lambda self, classifier, images, labels: Good.slope(self, classifier, images, labels)
            + 0 * classifier(images).sum()
        ),
        "gives values from nan to nan where logits are not numbers under",
    ),
    "rescues what is misread": (mutant(make=_rescues), "read right that were misread before it under linf"),
    "goes downhill": (with_slope(lambda slope: -slope), "read right that were misread"),
    "takes no more than a hundredth": (
        made(lambda self, images, adversarial, _: images + 0.01 * (adversarial - images)),
        "fools none of 8 images that a third of eps would fool under linf",
    ),
    "knows one norm only": (
        made(lambda self, images, adversarial, _: Linf(self.threat.eps).project(images, images + 1)),
        r"leaves its threat L2\(eps=0.1\) on",
    ),
    "takes no generator": (
        mutant(__call__=lambda self, *given: self._good(*given)),
        "Mutant raises TypeError when called twice with one seed",
    ),
}  # fmt: skip
"""A broken attack, and what the error says, by what it does."""
COUNTER = iter(range(10**6))


def test_the_good_one_passes() -> None:
    check_attack(Good())
    check_attack(Good(threat=L2(0.5)))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_caught_by_name(name: str) -> None:
    attack, said = BROKEN[name]
    with pytest.raises(AssertionError, match=said) as caught:
        check_attack(attack)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("Mutant ")


WRONG = {
    "images": (lambda images, labels: (images.clamp(0, 1), labels), "takes images from 0 to 2 without InputError"),
    "NaN": (lambda images, labels: (images.nan_to_num(), labels), "takes images with a NaN without InputError"),
    "labels": (lambda images, labels: (images, labels % 5), "takes labels beyond the classes without InputError"),
    "floats": (lambda images, labels: (images, labels.long()), "takes labels as floats without InputError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_that_is_made_to_fit_is_caught(name: str) -> None:
    mend, said = WRONG[name]
    with pytest.raises(AssertionError, match=said):
        check_attack(called(lambda self, classifier, *given: self._good(classifier, *mend(*given))))


def test_an_error_of_another_kind_for_wrong_input_is_caught() -> None:
    def call(self: Any, classifier: Any, images: Any, labels: Any) -> Any:
        assert images.amax() <= 1
        return self._good(classifier, images, labels)

    with pytest.raises(AssertionError, match="raises AssertionError, not InputError, for images from 0 to 2"):
        check_attack(called(call))


def test_dependence_on_the_batch_is_caught_where_its_absence_is_promised() -> None:
    together = with_slope(lambda slope: slope + 10 * slope.mean(0, keepdim=True))
    check_attack(together)
    with pytest.raises(AssertionError, match=r"changes image [1-5] otherwise alone than with four others"):
        check_attack(together, independent=True)


class Borderline(nn.Module):
    """Three classes; images whose first pixel is dark lead by less than 1, bright ones by 10."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pixels = images.flatten(1)
        base = torch.where(pixels[:, :1] > 0.5, torch.tensor([10.0, 0, 0]), torch.tensor([0.5, 0.4, 0]))
        return base + 0.01 * pixels[:, 1:2] * torch.tensor([0.0, 1, -2])


def test_cross_entropy_is_scaled_by_the_whole_call() -> None:
    """What docs/traps.md says of ironglass itself; where this no longer holds, FGSM may promise independence."""
    classifier = Classifier(Borderline(), mean=(0.0,), std=(1.0,), classes=("a", "b", "c"), input_size=2)
    images = torch.full((4, 1, 2, 2), 0.5)
    images[:, 0, 0, 0] = torch.tensor([0.2, 0.9, 0.9, 0.9])
    labels, attack = torch.zeros(4, dtype=torch.int64), FGSM(threat=Linf(0.1))
    together, alone = attack(classifier, images, labels), attack(classifier, images[:1], labels[:1])
    assert together[0, 0, 0, 1] == pytest.approx(0.4)
    assert alone[0, 0, 0, 1] == pytest.approx(0.6)


def test_one_whose_threat_is_its_own_is_tried_with_it() -> None:
    class Own:
        label, family, norms, steps, threat = "Own", "single-step", ("linf",), 1, Linf(0.05)

        def __call__(self, classifier: Any, images: Any, labels: Any, *, generator: Any = None) -> Any:
            return Good(threat=Linf(self.reach))(classifier, images, labels)

        reach = 0.05

    check_attack(Own())
    Own.reach = 0.06
    with pytest.raises(AssertionError, match=r"Own leaves its threat Linf\(eps=0.05\) on"):
        check_attack(Own())
