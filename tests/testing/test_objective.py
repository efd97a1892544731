"""check_objective: every objective of ours passes, and for each part of the contract one that breaks it is caught."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch.nn import functional as F

from ironglass.harden import AWP, NFGSM, OBJECTIVES, TRADES, Free
from ironglass.testing import check_objective
from ironglass.train.objective import NAMED


@pytest.mark.parametrize("name", NAMED)
def test_every_objective_keeps_the_contract(name: str) -> None:
    check_objective(NAMED[name], reach=3 * NFGSM().eps if name == "n-fgsm" else None)


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "free"])
def test_so_does_awp_around_each(name: str) -> None:
    check_objective(AWP(objective=OBJECTIVES[name]), reach=3 * NFGSM().eps if name == "n-fgsm" else None)


@pytest.mark.parametrize("objective", [TRADES(eps=0.0), NFGSM(noise=0.0), Free(replays=2, eps=0.1)])
def test_so_do_other_settings(objective: Any) -> None:
    check_objective(objective)


class Good:
    """Cross-entropy of darker images: what the mutants below break in one way each."""

    label: ClassVar[str] = "Darkness by hand"
    eps: float = 4 / 255

    def __call__(self, classifier: Any, images: Any, labels: Any) -> Any:
        logits = classifier((images - self.eps).clamp(0, 1))
        return F.cross_entropy(logits, labels), logits


def mutant(call: Callable[[Any, Any, Any], Any] | None = None, **parts: Any) -> Any:
    if call:
        parts["__call__"] = lambda self, classifier, images, labels: call(classifier, images, labels)
    return type("Mutant", (Good,), parts)()


def after(change: Callable[[Any, Any], Any]) -> Any:
    """A mutant that changes the good one's loss and logits."""
    return mutant(lambda *given: change(*Good()(*given)))


def guarded(before: Callable[[Any, Any, Any], Any]) -> Any:
    """A mutant that does something before the good one's call."""

    def call(*given: Any) -> Any:
        before(*given)
        return Good()(*given)

    return mutant(call)


def _step(classifier: Any, images: Any, labels: Any) -> Any:
    loss, logits = Good()(classifier, images, labels)
    loss.backward(retain_graph=True)
    return loss, logits


def _eval_without_cleaning(classifier: Any, images: Any, labels: Any) -> Any:
    modes = [(module, module.training) for module in classifier.modules()]
    classifier.eval()
    classifier(images)
    for module, mode in modes:  # not reached where the network raises
        module.training = mode
    return Good()(classifier, images, labels)


def _train_all(classifier: Any, images: Any, labels: Any) -> Any:
    held = [module for module in classifier.modules() if not module.training]
    for module in held:
        module.train()
    found = Good()(classifier, images, labels)
    for module in held:
        module.eval()
    return found


def _detached_part(classifier: Any, images: Any, labels: Any) -> Any:
    _, logits = Good()(classifier, images, labels)
    head = classifier.network[10]
    return F.cross_entropy(head(torch.ones(len(labels), 96)), labels), logits


def undocumented(classifier, images, labels):  # type: ignore[no-untyped-def]
    return Good()(classifier, images, labels)


def documented(classifier: Any, images: Any, labels: Any) -> Any:
    """Cross-entropy of images darker by 4/255."""
    return Good()(classifier, images, labels)


def loss_alone(classifier: Any, images: Any, labels: Any) -> Any:
    """Cross-entropy of images darker by 4/255; the logits are those of its last pass."""
    return Good()(classifier, images, labels)[0]


COUNTER = iter(range(10**6))
BROKEN = {
    "has no label": (mutant(label=" "), "Mutant lacks metadata: .* label ' '"),
    "has no eps": (mutant(eps=None), "Mutant lacks metadata: .* eps None"),
    "has an infinite eps": (mutant(eps=float("inf")), "Mutant lacks metadata: .* eps inf"),
    "has no docstring": (undocumented, "undocumented lacks a docstring"),
    "takes no labels": (
        type("Mutant", (), {"label": "x", "eps": 0.1, "__call__": lambda self, classifier, images: None})(),
        "Mutant is no objective: .* does not take",
    ),
    "raises": (mutant(lambda *_: 1 / 0), "Mutant raises ZeroDivisionError when called on six images"),
    "gives three": (after(lambda loss, logits: (loss, logits, loss)), "does not give a loss and logits"),
    "gives a loss an image": (after(lambda loss, logits: (loss.expand(6), logits)), "loss that is not a Tensor of one"),
    "gives a number": (after(lambda loss, logits: (loss.item(), logits)), "loss that is not a Tensor of one"),
    "gives NaN": (after(lambda loss, logits: (loss * torch.nan, logits)), "gives the loss nan"),
    "gives no gradient": (after(lambda loss, logits: (loss.detach(), logits)), "gives a loss without a gradient"),
    "gives no logits": (after(lambda loss, logits: (loss, None)), "gives logits NoneType, not"),
    "gives probabilities of a class": (after(lambda loss, logits: (loss, logits[:, 0])), r"gives logits \(6,\), not"),
    "gives infinite logits": (after(lambda loss, logits: (loss, logits / 0)), "gives logits that are not finite"),
    "leaves layers out": (mutant(_detached_part), "no gradient reaches 1.bias from"),
    "has an infinite gradient": (
        after(lambda loss, logits: (loss + (loss - loss.detach()).abs().sqrt(), logits)),
        "a gradient that is not finite",
    ),
    "has no slope": (after(lambda loss, logits: (loss - loss + 1, logits)), "gradient is 0 for every parameter"),
    "has no use for labels": (
        mutant(lambda classifier, images, labels: Good()(classifier, images, torch.zeros_like(labels))),
        "gives the same loss for other labels",
    ),
    "wants six images": (
        after(lambda loss, logits: (loss, logits[:3] if len(logits) == 1 else logits[:6].reshape(6, 5))),
        "when called on one and on three images",
    ),
    "gives one row": (
        after(lambda loss, logits: (loss, logits[:1] if len(logits) < 6 else logits)),
        r"gives logits \(1, 5\), not \(3, 5\)",
    ),
    "draws by itself": (
        mutant(
            lambda classifier, images, labels: Good()(
                classifier,
                images + 1e-3 * torch.rand(images.shape, generator=torch.Generator().manual_seed(next(COUNTER))),
                labels,
            )
        ),
        "another loss or gradient with the same seed",
    ),
    "descends itself": (mutant(_step), "changes the gradient of bias of network.1"),
    "moves a weight": (
        guarded(lambda classifier, *_: next(classifier.parameters()).data.mul_(1.5)),
        "changes the parameter weight of network.1",
    ),
    "leaves eval mode": (guarded(lambda classifier, *_: classifier.network.eval()), "changes the mode .* of network"),
    "leaves a hook": (
        guarded(lambda classifier, *_: classifier.register_forward_hook(lambda *_: None)),
        "changes the number of hooks of the classifier",
    ),
    "leaves flags": (
        guarded(lambda classifier, *_: classifier.network[1].requires_grad_(True)),
        "changes the requires_grad of weight of network.1",
    ),
    "writes into the images": (guarded(lambda classifier, images, labels: images[-1].mul_(0.5)), "changes the input 1"),
    "writes into the labels": (
        guarded(lambda classifier, images, labels: labels.add_(1).remainder_(5)),
        "changes the input 2",
    ),
    "lets held statistics learn": (mutant(_train_all), "changes the buffer running_mean of network.2"),
    "cleans up only without an error": (
        mutant(_eval_without_cleaning),
        "changes the mode .* when the network fails in pass 1",
    ),
    "exceeds its eps": (
        mutant(lambda *given: Good()(*given), eps=2 / 255),
        "changed by 0.01569, beyond eps 0.007843",
    ),
    "does not harden": (
        mutant(lambda classifier, images, labels: NAMED["cross-entropy"](classifier, images, labels)),
        "states eps 0.01569 and changes no image",
    ),
}  # fmt: skip
"""A broken objective, and what the error says, by what it does."""


@pytest.mark.parametrize("good", [Good(), documented, loss_alone])
def test_a_good_one_passes(good: Any) -> None:
    check_objective(good)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_caught_by_name(name: str) -> None:
    objective, said = BROKEN[name]
    with pytest.raises(AssertionError, match=said) as caught:
        check_objective(objective)
    assert "\n" not in str(caught.value)


def test_a_reach_beyond_eps_is_checked_too() -> None:
    with pytest.raises(AssertionError, match=r"NFGSM gives the network images changed by .*, beyond eps 0.03137"):
        check_objective(NFGSM())
    with pytest.raises(AssertionError, match=r"beyond a reach of 0.06275"):
        check_objective(NFGSM(), reach=16 / 255)


def test_the_random_state_of_torch_is_the_callers() -> None:
    before = torch.get_rng_state()
    check_objective(Good())
    assert torch.equal(before, torch.get_rng_state())
