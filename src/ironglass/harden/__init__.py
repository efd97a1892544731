"""Adversarial training objectives."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.harden.adversarial import AdversarialObjective
from ironglass.harden.adversarial_regularisation import AdversarialRegularisation
from ironglass.harden.awp import AWP
from ironglass.harden.budget import USUAL_EPS
from ironglass.harden.fast_at import FastAT
from ironglass.harden.fgsm import FGSMTraining
from ironglass.harden.free import Free
from ironglass.harden.mart import MART
from ironglass.harden.metadata import norm_of
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


def find_objective(name: str, *, eps: float | None = None, norm: str | None = None, awp: bool = False) -> Any:
    """The objective of that name, one of OBJECTIVES, for changes of up to `eps`.

    eps: in units of [0, 1]; step sizes scale with it; adversarial regularisation takes it as adv_step_size. None for
        the value in OBJECTIVES, under l2 for 128/255.
    norm: of the change, "linf" or "l2"; adversarial regularisation takes it as adv_grad_norm. None for the objective's.
    awp: True to wrap the objective in `AWP`.

    Raises InputError.
    """
    if name not in OBJECTIVES:
        raise unknown("objective", name, OBJECTIVES)
    objective = _within(name, OBJECTIVES[name], eps, norm)
    return AWP(objective=objective) if awp else objective


def _within(name: str, objective: Any, eps: float | None, norm: str | None) -> Any:
    """The objective with this eps and norm, where they are given."""
    if eps is None and norm is None:
        return objective
    if not hasattr(objective, "__dataclass_fields__"):
        field = "norm" if eps is None else "eps"
        raise InputError(f"the objective {name} has no fields to set {field} in: make it a dataclass, or leave it out")
    names = {setting.name for setting in fields(objective)}
    changes: dict[str, Any] = {}
    if norm is not None and norm not in USUAL_EPS:
        raise unknown("norm", norm, USUAL_EPS)
    if norm is not None and norm != norm_of(objective):
        if not names & {"norm", "adv_grad_norm"}:
            raise InputError(f"the objective {name} has no field norm, and trains under {norm_of(objective)}")
        field = "norm" if "norm" in names else "adv_grad_norm"
        changes[field] = "infinity" if (field, norm) == ("adv_grad_norm", "linf") else norm
        eps = USUAL_EPS[norm] if eps is None else eps
    if eps is not None:
        changes["eps" if "eps" in names else "adv_step_size"] = eps
    try:
        return replace(objective, **changes)
    except InputError as error:
        raise InputError(f"eps is {eps} and images range from 0 to 1: give it in [0, 1], as in 8/255") from error
