"""Adversarial attacks: small changes to an image that make a classifier misread it."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any, Protocol, runtime_checkable

import torch

from ironglass.attacks.apgd import APGD, APGDTargeted
from ironglass.attacks.carlini_wagner import CarliniWagner
from ironglass.attacks.ddn import DDN
from ironglass.attacks.deepfool import DeepFool
from ironglass.attacks.ensemble import ENSEMBLE, AutoAttack, Ensemble, WorstCase, standard
from ironglass.attacks.fab import FAB
from ironglass.attacks.fgsm import FGSM, fgsm_sweep
from ironglass.attacks.fmn import FMN
from ironglass.attacks.mi_fgsm import MIFGSM
from ironglass.attacks.noise import Noise
from ironglass.attacks.parts.ascent import ascend, climbed_gradient, gradient_and_logits, input_gradient
from ironglass.attacks.parts.occluder import Occluder
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import L1, L2, THREATS, Linf, Threat
from ironglass.attacks.patch import Patch, paste
from ironglass.attacks.pgd import PGD
from ironglass.attacks.square import Square
from ironglass.attacks.transfer import TransferFrom
from ironglass.choices import unknown
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

__all__ = [
    "APGD",
    "ATTACKS",
    "DDN",
    "ENSEMBLE",
    "FAB",
    "FAMILIES",
    "FGSM",
    "FMN",
    "L1",
    "L2",
    "MIFGSM",
    "PGD",
    "THREATS",
    "APGDTargeted",
    "Attack",
    "AutoAttack",
    "CarliniWagner",
    "DeepFool",
    "Ensemble",
    "Linf",
    "Noise",
    "Occluder",
    "Patch",
    "Square",
    "Threat",
    "TransferFrom",
    "WorstCase",
    "ascend",
    "attack_call",
    "climbed_gradient",
    "fgsm_sweep",
    "find_attack",
    "gradient_and_logits",
    "input_gradient",
    "paste",
    "standard",
]


@runtime_checkable
class Attack(Protocol):
    """A frozen dataclass of settings that turns images into adversarial ones.

    threat: the allowed change of an image.
    steps: gradient computations per image; 0 for an attack without gradients.

    Attributes that a registered attack (`ironglass.register`) needs besides:

    label: name shown in reports.
    family: one of FAMILIES; what its number is worth as evidence follows from it.
    norms: names in THREATS that it works under.
    """

    @property
    def threat(self) -> Threat:
        """The allowed change of an image."""
        ...

    @property
    def steps(self) -> int:
        """Gradient computations per image; 0 for an attack without gradients."""
        ...

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat."""
        ...


FAMILIES = ("single-step", "iterative", "gradient-free", "noise", "ensemble")
"""Kinds of attack: one gradient; many; outputs only, searched; drawn at random; several attacks in turn."""

ATTACKS: dict[str, Any] = {
    "fgsm": FGSM(),
    "noise": Noise(),
    "pgd-20": PGD(steps=20, leave=True),
    "mi-fgsm": MIFGSM(),
    "deepfool": DeepFool(),
    "carlini-wagner": CarliniWagner(),
    "ddn": DDN(),
    "fmn": FMN(),
    "apgd-ce": APGD(),
    "apgd-dlr": APGD(loss="dlr"),
    "apgd-margin": APGD(loss="margin"),
    "apgd-t": APGDTargeted(),
    "fab": FAB(),
    "fab-t": FAB(targets=9),
    "square": Square(),
    "ensemble": ENSEMBLE["standard"],
}


def find_attack(name: str) -> Any:
    """The attack of that name: one of ATTACKS, or one with another number of steps, as in "pgd-50" or "apgd-ce-20".

    For an attack without gradients the number is of queries ("square-500"). Raises InputError.
    """
    if isinstance(name, str) and name in ATTACKS:
        return ATTACKS[name]
    name = str(name)
    base, _, count = name.rpartition("-")
    attack: Any = {**ATTACKS, "pgd": ATTACKS["pgd-20"]}.get(base)
    counted = [field.name for field in fields(attack) if field.name in ("steps", "queries")] if attack else []
    if not counted or not (count.isascii() and count.isdecimal()) or count.startswith("0") or base == "pgd-20":
        raise unknown(
            "attack", name, _near(name), listed_names=ATTACKS, note=", or give a number of steps, as in pgd-50"
        )
    return replace(attack, **{counted[0]: int(count)})


def _near(name: str) -> list[str]:
    """Candidates for a misspelt name: the attacks, and those that take a count with the count that it ends in."""
    count = re.search(r"[1-9][0-9]{0,8}$", name)
    counted = [
        candidate
        for candidate in ATTACKS
        if {field.name for field in fields(ATTACKS[candidate])} & {"steps", "queries"}
    ]
    return [
        *ATTACKS,
        *(f"{candidate}-{count[0]}" for candidate in ("pgd", *counted) if count and candidate != "pgd-20"),
    ]
