"""`check_attack`: the contract of an attack, tested on small networks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from functools import partial
from typing import Any

import torch

from ironglass.attacks import THREATS
from ironglass.errors import ForwardError
from ironglass.testing.contract import Check, check_carries, require, run_checks
from ironglass.testing.networks import (
    NetworkFailed,
    batch,
    convolutional,
    farthest,
    linear,
    near_grey,
    not_numbers,
    predictions,
)
from ironglass.testing.state import unchanged
from ironglass.testing.wrong_input import check_refusals
from ironglass.types import Images

SIZES = {"linf": (0.01, 0.3), "l2": (0.1, 3.0), "l1": (0.5, 20.0)}
"""Small and large eps of each norm, for 8 × 8 × 3 values."""


def check_attack(attack: Any, *, independent: bool = False) -> None:
    """Checks that an attack keeps the contract that `ironglass.attack`, plans and reports rely on.

    It is called on small networks under every norm that it names, with a small and a large eps:

    - it carries `label`, `family`, `norms` and `steps`, and has a `threat`;
    - adversarial images have the shape, type and device of the images, lie in [0, 1] and within the threat, hang on no
      graph, and are the same under `torch.no_grad` and `torch.inference_mode`;
    - with `eps=0` they are the images, bit for bit, and with a large eps they are not;
    - but for family "noise", images that are misread before the attack still are after it, and of images that a third
      of eps can fool, it fools at least one;
    - the same seed gives the same bits, and so does no generator; torch's own random state is left alone;
    - the network is left as it was, also after an error in it: weights, gradients, flags, buffers, modes, hooks; so are
      the images and labels;
    - a network whose logits are not numbers does not bring it out of its threat;
    - images that are not float in [0, 1] of the right shape, and labels that are no classes, raise InputError.

    `ironglass.attacks.attack_call`, put on an attack's `__call__`, takes care of the network and of wrong input.

    Args:
        attack: the attack object. Where it is a dataclass with the field `threat`, it is tried with others in its
            place; else with its own alone. One with few steps is checked sooner.
        independent: whether it promises that an image's outcome depends on no other image of the call, which is then
            checked, up to float noise.

    Raises:
        AssertionError: for the first part of the contract that is broken, named in one line.

    Example:
        >>> from ironglass.attacks import PGD
        >>> from ironglass.testing import check_attack
        >>> check_attack(PGD(steps=3))
    """
    run_checks(attack, [("its metadata are read", _has_metadata)])
    for norm in attack.norms if _takes_threats(attack) else (None,):
        checks: list[tuple[str, Check]] = [
            ("attacking six images", partial(_keeps_its_threat, norm=norm)),
            ("attacking a network in training mode", partial(_leaves_the_network, norm=norm)),
            ("the network raises an error", partial(_leaves_the_network_after_an_error, norm=norm)),
            ("attacking with eps=0", partial(_is_the_identity_at_zero, norm=norm)),
            ("called twice with one seed", partial(_repeats_itself, norm=norm)),
            ("called under torch.no_grad and inference_mode", partial(_has_one_answer_in_every_mode, norm=norm)),
            ("attacking a network whose logits are not numbers", partial(_survives_nan_logits, norm=norm)),
            ("attacking images that are misread already", partial(_keeps_misread_images, norm=norm)),
            ("attacking a linear network", partial(_fools_a_linear_network, norm=norm)),
        ]
        if independent:
            checks.append(("attacking images alone", partial(_is_independent_of_the_batch, norm=norm)))
        run_checks(attack, checks)
    run_checks(attack, [("given wrong input", _refuses_wrong_input)])


def _takes_threats(attack: Any) -> bool:
    return is_dataclass(attack) and "threat" in {field.name for field in fields(attack) if field.init}


def _under_threat(attack: Any, norm: str | None, eps: float | None = None) -> Any:
    """The attack under that norm and eps; its own where the norm is None. eps: None for the norm's large one."""
    return attack if norm is None else replace(attack, threat=THREATS[norm](SIZES[norm][1] if eps is None else eps))


def _norm_suffix(norm: str | None) -> str:
    return f" under {norm}" if norm else ""


def _has_metadata(attack: Any) -> None:
    threat = getattr(attack, "threat", None)
    require(threat is not None, "lacks metadata: it has no threat")
    missing = [name for name in ("project", "allows") if not hasattr(threat, name)]
    require(not missing, f"has a threat without {', '.join(missing)}: see ironglass.attacks.Threat")
    check_carries("attack")(attack)


def _keeps_its_threat(attack: Any, norm: str | None) -> None:
    classifier = convolutional()
    images, labels = batch(classifier)
    labels = labels.clone()
    labels[5] = (labels[5] + 1) % len(classifier.classes)
    changed = False
    for eps in SIZES[norm] if norm else (None,):
        sized = _under_threat(attack, norm, eps)
        adversarial = sized(classifier, images, labels)
        _check_output(sized, images, adversarial, _norm_suffix(norm))
        changed = bool((adversarial != images).any())
    require(changed, f"changes no image{_norm_suffix(norm)}")


def _check_output(attack: Any, images: Images, adversarial: Any, when: str) -> None:
    require(isinstance(adversarial, torch.Tensor), f"gives {type(adversarial).__name__}, not a Tensor{when}")
    require(
        adversarial.shape == images.shape, f"gives shape {tuple(adversarial.shape)} for {tuple(images.shape)}{when}"
    )
    require(adversarial.dtype == images.dtype, f"gives {adversarial.dtype} for {images.dtype}{when}")
    require(not adversarial.requires_grad, f"gives images that hang on a graph{when}: detach them")
    low, high = (float(bound) for bound in adversarial.aminmax())
    require(low >= 0 and high <= 1, f"gives values from {low:.4g} to {high:.4g}{when}: keep to [0, 1]")
    count = int((~attack.threat.allows(images, adversarial)).sum())
    require(not count, f"leaves its threat {attack.threat} on {count} of {len(images)} images{when}")


def _is_the_identity_at_zero(attack: Any, norm: str | None) -> None:
    if norm is None:
        return
    classifier = convolutional()
    images, labels = batch(classifier)
    same = torch.equal(_under_threat(attack, norm, 0.0)(classifier, images, labels), images)
    require(same, f"changes images with eps=0{_norm_suffix(norm)}")


def _repeats_itself(attack: Any, norm: str | None) -> None:
    attack, classifier = _under_threat(attack, norm), convolutional()
    images, labels = batch(classifier)

    def call(generator: torch.Generator | None) -> Images:
        return attack(classifier, images, labels, generator=generator)

    first, second = (call(torch.Generator().manual_seed(3)) for _ in range(2))
    require(torch.equal(first, second), f"gives other images from a generator of the same seed{_norm_suffix(norm)}")
    require(
        torch.equal(call(None), call(None)), f"gives other images each time it has no generator{_norm_suffix(norm)}"
    )


def _leaves_the_network(attack: Any, norm: str | None) -> None:
    classifier = convolutional()
    images, labels = batch(classifier)
    with unchanged(classifier, images, labels, when=_norm_suffix(norm)):
        _under_threat(attack, norm)(classifier, images, labels)


def _leaves_the_network_after_an_error(attack: Any, norm: str | None) -> None:
    for passes in (0, 1, 3):
        classifier = convolutional(fails_after=passes)
        images, labels = batch(convolutional())
        when = f" when the network fails in pass {passes + 1}{_norm_suffix(norm)}"
        with unchanged(classifier, images, labels, when=when), suppress(NetworkFailed, ForwardError):
            _under_threat(attack, norm)(classifier, images, labels)


def _has_one_answer_in_every_mode(attack: Any, norm: str | None) -> None:
    attack, classifier = _under_threat(attack, norm), convolutional()
    images, labels = batch(classifier)
    plain = attack(classifier, images, labels)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            inside = attack(classifier, images.clone(), labels.clone())
        require(torch.equal(plain, inside), f"gives other images under torch.{mode.__name__}{_norm_suffix(norm)}")


def _survives_nan_logits(attack: Any, norm: str | None) -> None:
    images, labels = batch(convolutional())
    sized = _under_threat(attack, norm)
    _check_output(
        sized, images, sized(not_numbers(), images, labels), f" where logits are not numbers{_norm_suffix(norm)}"
    )


def _keeps_misread_images(attack: Any, norm: str | None) -> None:
    if attack.family == "noise":
        return
    classifier = convolutional()
    images, labels = batch(classifier)
    labels = (labels + 1) % len(classifier.classes)
    predicted = predictions(classifier, _under_threat(attack, norm)(classifier, images, labels))
    count = int((predicted == labels).sum())
    require(
        not count, f"has {count} of {len(images)} images read right that were misread before it{_norm_suffix(norm)}"
    )


def _fools_a_linear_network(attack: Any, norm: str | None) -> None:
    if attack.family == "noise" or norm is None:
        return
    classifier = linear()
    images, labels = near_grey(classifier)
    sized = _under_threat(attack, norm, 3 * farthest(classifier, images, labels, norm))
    adversarial = sized(classifier, images, labels)
    count = int((predictions(classifier, adversarial) != labels).sum())
    require(count, f"fools none of {len(images)} images that a third of eps would fool{_norm_suffix(norm)}")


def _is_independent_of_the_batch(attack: Any, norm: str | None) -> None:
    attack, classifier = _under_threat(attack, norm), convolutional()
    images, labels = batch(classifier, 5)
    together = attack(classifier, images, labels)
    for i in range(5):
        alone = attack(classifier, images[i : i + 1], labels[i : i + 1])
        near = torch.allclose(together[i : i + 1], alone, rtol=0, atol=1e-4)
        require(near, f"changes image {i + 1} otherwise alone than with four others{_norm_suffix(norm)}")


def _refuses_wrong_input(attack: Any) -> None:
    check_refusals(attack, convolutional, "ironglass.attacks.attack_call")
