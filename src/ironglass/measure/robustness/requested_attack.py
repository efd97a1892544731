"""The attack requested by a call: by name or as an object, under one eps or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ironglass.attacks import ATTACKS, THREATS, Attack, find_attack
from ironglass.choices import did_you_mean, shown, unknown
from ironglass.errors import InputError

USUAL_EPS = {"linf": 8 / 255, "l2": 0.5, "l1": 12.0}
"""Sizes where none is asked for, by norm: what most papers on small colour images allow."""


def as_attack(method: Any) -> Attack:
    """The attack object itself, or that of the given name. Raises InputError for anything else."""
    if isinstance(method, str):
        return find_attack(method)
    if isinstance(method, type):
        raise InputError(f"method is the class {method.__name__}: give an object of it, {method.__name__}(...)")
    if not callable(method) or not isinstance(method, Attack):
        raise InputError(f"method is {shown(method)}: give one of {', '.join(ATTACKS)}, or an attack as PGD(steps=50)")
    return method


def requested_attacks(
    method: Any, eps: float | Sequence[float] | None, norm: str | None, settings: dict[str, Any]
) -> list[Attack]:
    """The attack for each requested eps, in order.

    Args:
        method: a name that `find_attack` knows, or an attack object, which keeps its own threat where neither eps nor
            norm is given.
        eps: one size or several, in units of [0, 1]; None for the object's own, and for a name or another norm than the
            object's `USUAL_EPS`: 8/255, under L2 0.5, under L1 12.
        norm: "linf", "l2" or "l1"; None for the object's own, and "linf" for a name.
        settings: replace the attack's own.

    Raises:
        InputError: where something is unknown, of another type, or does not go together.
    """
    attack: Any = _with_settings(as_attack(method), method, settings)
    if norm is not None and norm not in THREATS:
        raise unknown("norm", norm, THREATS)
    if not isinstance(method, str):
        if eps is None and norm is None:
            return [attack]
        if "threat" not in settings_of(attack):
            raise InputError(f"the threat of {type(attack).__name__} is its own: set eps and norm in it, not here")
        if norm is None and type(attack.threat) not in THREATS.values():
            kind = type(attack.threat).__name__
            raise InputError(f"the threat of {type(attack).__name__} is {kind}, not Linf, L2 or L1: set its size in it")
        threat = type(attack.threat) if norm is None else THREATS[norm]
        eps = attack.threat.eps if eps is None and type(attack.threat) is threat else eps
    else:
        threat = THREATS[norm or "linf"]
    return [replace(attack, threat=threat(size)) for size in _sizes(USUAL_EPS[norm or "linf"] if eps is None else eps)]


def settings_of(attack: Attack) -> list[str]:
    """Names of the attack's fields; none where it is not a dataclass."""
    return [field.name for field in fields(attack)] if is_dataclass(attack) else []


def _sizes(eps: float | Sequence[float]) -> list[float]:
    if isinstance(eps, list | tuple):
        if not eps:
            raise InputError("eps is empty: give at least one size, such as 8/255")
        return list(eps)
    return [eps]  # type: ignore[list-item]


def _with_settings(attack: Attack, method: Any, settings: dict[str, Any]) -> Attack:
    """The attack with some of its settings replaced."""
    name = method if isinstance(method, str) else type(attack).__name__
    names = [field for field in settings_of(attack) if field != "threat"]
    if wrong := sorted(settings.keys() - set(names)):
        names += ["eps", "norm", "seed"]
        near = did_you_mean(wrong[0], names)
        raise InputError(f"{name} has no setting {wrong[0]!r}{near}: it has {', '.join(names)}")
    return replace(attack, **settings) if settings else attack  # type: ignore[type-var]
