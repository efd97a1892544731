"""A ramp of eps: an objective against smaller changes while a stage begins."""

from __future__ import annotations

import dataclasses
from typing import Any

LENGTHS = ("eps", "step_size")
"""Fields that shrink together where an objective names no others in `LENGTHS`."""


def can_shrink(objective: Any) -> bool:
    """True for an objective with a method `scaled`, and for a dataclass with a field of eps or around such a one."""
    if callable(getattr(objective, "scaled", None)):
        return True
    if not dataclasses.is_dataclass(objective) or isinstance(objective, type):
        return False
    names = [field.name for field in dataclasses.fields(objective)]
    return bool(_lengths(objective)) or ("objective" in names and can_shrink(getattr(objective, "objective", None)))


def scaled(objective: Any, share: float) -> Any:
    """The objective with eps, and step sizes that are given, times `share`, from 0 to 1; 1 gives it unchanged.

    One that is no dataclass may have a method `scaled(share)`.
    """
    if share >= 1:
        return objective
    if callable(getattr(objective, "scaled", None)):
        return objective.scaled(share)
    lengths = _lengths(objective)
    if not lengths:
        return dataclasses.replace(objective, objective=scaled(objective.objective, share))
    return dataclasses.replace(objective, **{name: share * value for name, value in lengths.items()})


def eps_share(eps_ramp: float, done: float) -> float:
    """Share of eps after so many epochs of a stage, which need not be whole: from 0 in a straight line up to 1."""
    return min(1.0, done / eps_ramp) if eps_ramp else 1.0


def _lengths(objective: Any) -> dict[str, float]:
    names = {field.name for field in dataclasses.fields(objective)} & {*getattr(objective, "LENGTHS", LENGTHS)}
    values = {name: getattr(objective, name) for name in names}
    return {name: value for name, value in values.items() if isinstance(value, int | float)}
