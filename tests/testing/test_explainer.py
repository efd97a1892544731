"""check_explainer: every explainer of ours passes, and for each part of the contract one that breaks it is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch

from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS, GradCAM, IntegratedGradients, Occlusion, explainer_call
from ironglass.testing import check_explainer


@pytest.mark.parametrize("name", EXPLAINERS)
def test_every_explainer_keeps_the_contract(name: str) -> None:
    explainer = EXPLAINERS[name]
    if hasattr(explainer, "budget"):  # a sample of the same kind
        explainer = replace(explainer, budget=120)
    check_explainer(explainer, uses_targets=name != "attention-rollout")


@pytest.mark.parametrize(
    "explainer", [IntegratedGradients(steps=4), Occlusion(patch=5, stride=3), GradCAM(layers=("1", "5"))]
)
def test_so_do_other_settings(explainer: Any) -> None:
    check_explainer(explainer)


def gradient(classifier: Any, images: Any, targets: Any) -> Any:
    with torch.enable_grad():
        moving = images.detach().clone().requires_grad_()
        score = classifier(moving).gather(1, targets[:, None]).sum()
        return torch.autograd.grad(score, moving)[0]


class Good:
    """Input × gradient: what the mutants below break in one way each."""

    label: ClassVar[str] = "Input × gradient by hand"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True

    @explainer_call
    def __call__(self, classifier: Any, images: Any, targets: Any) -> Any:
        return images * gradient(classifier, images, targets)


def mutant(call: Callable[[Any, Any, Any], Any] | None = None, **parts: Any) -> Any:
    if call:
        parts["__call__"] = lambda self, *given: call(*given)
    return type("Mutant", (Good,), parts)()


def after(change: Callable[[Any], Any], **parts: Any) -> Any:
    """A mutant that changes the good one's maps."""
    return mutant(lambda *given: change(Good()(*given)), **parts)


def guarded(before: Callable[[Any, Any, Any], Any]) -> Any:
    """A mutant that does something before the good one's call."""

    def call(*given: Any) -> Any:
        before(*given)
        return Good()(*given)

    return mutant(call)


def _without_cleaning(classifier: Any, images: Any, targets: Any) -> Any:
    modes = [(module, module.training) for module in classifier.modules()]
    classifier.eval()
    maps = Good()(classifier, images, targets)
    for module, mode in modes:  # not reached where the network raises
        module.training = mode
    return maps


def _refuse(classifier: Any, images: Any, targets: Any) -> Any:
    raise InputError("this explainer is for text")


def _halves(maps: Any) -> Any:
    return {"whole": maps, "half": maps[:, :, ::2, ::2]}


COUNTER = iter(range(10**6))
BROKEN = {
    "has no unit": (mutant(unit=""), "lacks metadata: .* unit ''"),
    "has no label": (mutant(label=None), "lacks metadata: .* label None"),
    "does not say whether it is signed": (mutant(signed="yes"), "lacks metadata: .* signed 'yes'"),
    "is for no image": (mutant(_refuse), "refuses a network of convolutions and a transformer: this explainer is for"),
    "raises": (mutant(lambda *_: 1 / 0), "Mutant raises ZeroDivisionError when explaining three images"),
    "gives an array": (after(lambda maps: maps.numpy()), "gives ndarray, not a Tensor or a dict"),
    "gives arrays by layer": (after(lambda maps: {"a": maps.numpy()}), "gives ndarray for a layer"),
    "gives nothing": (mutant(lambda *_: {}), "gives no map"),
    "gives half the size": (after(lambda maps: maps[:, :, ::2, ::2]), r"maps of shape \(3, 3, 10, 10\) for images of"),
    "gives two channels": (after(lambda maps: maps[:, :2]), r"maps of shape \(3, 2, 20, 20\)"),
    "drops the channel axis": (after(lambda maps: maps.sum(1)), r"maps of shape \(3, 20, 20\)"),
    "gives one map for all": (after(lambda maps: {"a": maps.mean(0, keepdim=True)}), r"maps of shape \(1, 3, 20, 20\)"),
    "squeezes one image": (
        after(lambda maps: maps if len(maps) > 1 else maps[0]),
        r"maps of shape \(3, 20, 20\) for images of \(1,",
    ),
    "gives doubles": (after(lambda maps: maps.double()), "gives torch.float64, not float32"),
    "hangs on a graph": (after(lambda maps: maps.requires_grad_()), "hang on a graph"),
    "divides by the largest": (
        after(lambda maps: maps / maps.abs().amax((1, 2, 3), keepdim=True)),
        "gives maps of 3 images that are not finite",
    ),
    "divides by the gradient": (
        mutant(
            __call__=explainer_call(
                lambda self, *given: (grad := gradient(*given)) / grad.abs().amax((1, 2, 3), keepdim=True)
            )
        ),
        "not finite of a network that answers everything alike",
    ),
    "is negative unsigned": (mutant(signed=False), "is not signed and gives -.*: negative values"),
    "is signed without negatives": (after(lambda maps: maps.abs()), "is signed and gives no negative value"),
    "is random": (
        after(lambda maps: maps + torch.rand(maps.shape, generator=torch.Generator().manual_seed(next(COUNTER)))),
        "gives other maps when called again",
    ),
    "has other layers each time": (
        after(lambda maps: {str(next(COUNTER)): maps}),
        "gives other layers when called again",
    ),
    "explains the first target": (
        mutant(lambda classifier, images, targets: Good()(classifier, images, targets[:1].expand(len(targets)))),
        "explains image 2 of three otherwise than alone",
    ),
    "scales by the batch": (
        after(lambda maps: maps / maps.abs().amax().clamp_min(1e-6)),
        "explains image 2 of three otherwise than alone",
    ),
    "explains what is predicted": (
        mutant(lambda classifier, images, targets: Good()(classifier, images, torch.zeros_like(targets))),
        "gives the same maps for other targets; pass uses_targets=False",
    ),
    "draws from torch's generator": (guarded(lambda *_: torch.rand(1)), "changes torch's random state"),
    "leaves eval mode": (guarded(lambda classifier, *_: classifier.eval()), r"changes the mode \(train or eval\)"),
    "leaves a hook": (
        guarded(lambda classifier, *_: classifier.network.register_forward_hook(lambda *_: None)),
        "changes the number of hooks of network",
    ),
    "leaves flags": (
        guarded(lambda classifier, *_: classifier.requires_grad_(False)),
        "changes the requires_grad of bias of network.1",
    ),
    "leaves gradients": (
        guarded(lambda classifier, *_: classifier.zero_grad()),
        "changes the gradient of bias of network.10",
    ),
    "moves a weight": (
        guarded(lambda classifier, *_: next(classifier.parameters()).data.mul_(1.5)),
        "changes the parameter weight of network.1",
    ),
    "writes into the images": (
        guarded(lambda classifier, images, targets: images[-1:].mul_(0.5)),
        "changes the input 1",
    ),
    "cleans up only without an error": (
        mutant(_without_cleaning),
        "changes the mode .* when the network fails in pass 1",
    ),
}  # fmt: skip
"""A broken explainer, and what the error says, by what it does."""


@pytest.mark.parametrize(
    "good", [Good(), after(_halves), after(lambda maps: maps.sum(1, keepdim=True).relu(), signed=False)]
)
def test_a_good_one_passes(good: Any) -> None:
    check_explainer(good)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_is_caught_by_name(name: str) -> None:
    explainer, said = BROKEN[name]
    with pytest.raises(AssertionError, match=said) as caught:
        check_explainer(explainer)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("Mutant ")


def test_one_that_is_said_not_to_use_targets_must_not() -> None:
    picture = mutant(__call__=explainer_call(lambda self, classifier, images, targets: images - 0.5))
    check_explainer(picture, uses_targets=False)
    with pytest.raises(AssertionError, match="Good gives other maps for other targets although uses_targets is False"):
        check_explainer(Good(), uses_targets=False)


WRONG = {
    "images": (lambda images, targets: (images.clamp(0, 1), targets), "takes images from 0 to 2 without InputError"),
    "NaN": (lambda images, targets: (images.nan_to_num(), targets), "takes images with a NaN without InputError"),
    "targets": (lambda images, targets: (images, targets % 5), "takes labels beyond the classes without InputError"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_that_is_made_to_fit_is_caught(name: str) -> None:
    mend, said = WRONG[name]
    with pytest.raises(AssertionError, match=said):
        check_explainer(mutant(lambda classifier, *given: Good()(classifier, *mend(*given))))
