"""Short names of objectives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from ironglass.eps import eps_words
from ironglass.errors import InputError
from ironglass.harden.metadata import norm_of
from ironglass.train.objective import as_objective
from ironglass.train.record import as_json


def short_name(objective: Any) -> str:
    """An objective as "N-FGSM 4/255", under L2 "N-FGSM 0.5 (L2)", with its settings that are not the usual ones.

    A function of the user's own has its own name; "" where there is none.
    """
    value: Any = objective
    if isinstance(value, str | Mapping):
        try:
            value = as_objective(value)
        except InputError:  # a word that is none
            return ""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return str(getattr(value, "__name__", ""))
    label = str(getattr(value, "label", type(value).__name__))
    inner = getattr(value, "objective", None)
    if inner is not None:
        return f"{label} of {short_name(inner)}"
    if any(_is_required(one) for one in dataclasses.fields(value)):  # one of the user's own
        return label
    eps = getattr(value, "eps", 0.0)
    norm = norm_of(value)
    label += f" {eps_words(float(eps))}" if isinstance(eps, int | float) and eps else ""
    parts = [label if norm == "linf" else f"{label} ({norm.capitalize()})"]
    usual = type(value)()
    for one in dataclasses.fields(cast("Any", value)):
        setting = getattr(value, one.name)
        if one.name not in ("eps", "norm", "adv_grad_norm") and setting != getattr(usual, one.name):
            parts.append(f"{one.name.replace('_', ' ')} {as_json(setting)}")
    return ", ".join(parts)


def _is_required(field: Any) -> bool:
    """True for a field without a default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
