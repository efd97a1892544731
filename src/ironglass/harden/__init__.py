"""Adversarial training objectives."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.harden.adversarial import AdversarialObjective
from ironglass.harden.adversarial_regularisation import AdversarialRegularisation
from ironglass.harden.awp import AWP
from ironglass.harden.fast_at import FastAT
from ironglass.harden.fgsm import FGSMTraining
from ironglass.harden.free import Free
from ironglass.harden.mart import MART
from ironglass.harden.n_fgsm import NFGSM
from ironglass.harden.pgd import PGDTraining
from ironglass.harden.trades import TRADES
from ironglass.train.objective import NAMED

__all__ = [
    "AWP",
    "MART",
    "NFGSM",
    "OBJECTIVES",
    "TRADES",
    "AdversarialObjective",
    "AdversarialRegularisation",
    "FGSMTraining",
    "FastAT",
    "Free",
    "PGDTraining",
    "find_objective",
]

OBJECTIVES: dict[str, Any] = {
    "adversarial-regularisation": AdversarialRegularisation(),
    "fgsm": FGSMTraining(),
    "fast-at": FastAT(),
    "n-fgsm": NFGSM(),
    "pgd": PGDTraining(),
    "free": Free(),
    "trades": TRADES(),
    "mart": MART(),
}
NAMED.update(OBJECTIVES)


def find_objective(name: str, *, eps: float | None = None, awp: bool = False) -> Any:
    """The objective of that name, one of OBJECTIVES, for changes of up to `eps`.

    eps: in units of [0, 1]; step sizes scale with it; adversarial regularisation takes it as adv_step_size. None for
        the value in OBJECTIVES.
    awp: True to wrap the objective in `AWP`.

    Raises InputError.
    """
    if name not in OBJECTIVES:
        raise unknown("objective", name, OBJECTIVES)
    objective = OBJECTIVES[name]
    if eps is not None and not hasattr(objective, "__dataclass_fields__"):
        raise InputError(f"the objective {name} has no fields to set eps in: make it a dataclass, or leave eps out")
    if eps is not None:
        field = "eps" if any(setting.name == "eps" for setting in fields(objective)) else "adv_step_size"
        try:
            objective = replace(objective, **{field: eps})
        except InputError as error:
            raise InputError(f"eps is {eps} and images range from 0 to 1: give it in [0, 1], as in 8/255") from error
    return AWP(objective=objective) if awp else objective
