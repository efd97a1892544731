"""Recipes as plain values for `recipe.json`, and single fields overridden by name."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from typing import Any, TypeVar

from ironglass.choices import did_you_mean
from ironglass.errors import InputError
from ironglass.train.position import Position
from ironglass.train.recipe import Recipe

T = TypeVar("T")


def as_json(value: Any) -> Any:
    """Converts a value to plain JSON values: dataclasses to objects, without the fields left out of their repr; other
    callables to their names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        plain = {field.name: as_json(getattr(value, field.name)) for field in dataclasses.fields(value) if field.repr}
        return {"kind": type(value).__name__} | plain if callable(value) else plain
    if isinstance(value, dict):
        return {str(key): as_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, functools.partial):
        return f"partial({as_json(value.func)}, {as_json(value.args)}, {as_json(value.keywords)})"
    bare = type(value).__repr__ is object.__repr__  # which would give an address, another one in every process
    return getattr(value, "__qualname__", type(value).__qualname__ if bare else str(value))


def training_record(position: Position, recipe: Recipe) -> dict[str, Any]:
    """The section `training` of `results.json`."""
    section = {
        "seconds": round(position.seconds, 2),
        "epochs": len(position.rows),
        "best_epoch": next(row["epoch"] for row in position.rows if row["best"]),
        "stages": [_without_ramp(stage) for stage in as_json(recipe)["stages"]],
        "skipped": position.skipped_in_all,
        "rollbacks": position.rollbacks,
        "micro_batch": position.micro_batch,
    }
    if position.watch is None:
        return section
    clean_best = next(row["epoch"] for row in position.rows if row["clean_best"])
    return section | {"watch": position.watch, "alarms": position.alarms, "clean_best_epoch": clean_best}


def _without_ramp(stage: dict[str, Any]) -> dict[str, Any]:
    """The stage without `eps_ramp` where there is none, as older versions wrote it."""
    return stage if stage["eps_ramp"] else {name: value for name, value in stage.items() if name != "eps_ramp"}


def override(value: T, path: str, text: str) -> T:
    """A copy of the recipe with one field set, as `--set stages.0.epochs=3` asks.

    path: field names and positions, joined by dots. text: JSON, or a plain word. Raises InputError, naming it, for an
    unknown field, a position that is not there, or a value that the field does not take.
    """
    return replaced(value, path, plain_value(text), where=f"--set {path}")


def plain_value(text: str) -> Any:
    """Parses a typed value as JSON, or else takes it as text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # brackets within brackets, without end
        return text


def replaced(value: T, path: str, new: Any, *, where: str) -> T:
    """A copy of the recipe with the field at the path set; error messages begin with `where`."""
    return _override(value, path.split("."), new, where)


def _override(value: Any, steps: list[str], new: Any, where: str) -> Any:
    if not steps:
        short = isinstance(new, str | list | tuple) and getattr(type(value), "SHORT", "")
        return vars(value) | {short: new} if short else new  # a part that is given in short keeps its other fields
    name, rest = steps[0], steps[1:]
    if dataclasses.is_dataclass(value):
        name = getattr(type(value), "RENAMED", {}).get(name, name)
        names = [field.name for field in dataclasses.fields(value) if field.repr]
        former = getattr(type(value), "FORMER", ())
        if name not in names and name not in former:
            near = did_you_mean(name, [*names, *former])
            raise InputError(
                f"{where}: there is no field {name!r}{near}; {type(value).__name__} has {', '.join(names)}"
            )
        inner: Any = getattr(value, name)
        if inner is None and rest and name in getattr(type(value), "OPTIONAL", ()):
            inner = {}
        entry = _override(inner, rest, new, where)
        try:
            return dataclasses.replace(value, **{name: entry})  # type: ignore[type-var]
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
    if isinstance(value, list | tuple):
        if not re.fullmatch(r"[0-9]{1,9}", name) or int(name) >= len(value):
            raise InputError(f"{where}: there is no entry {name!r}; the positions are 0 to {len(value) - 1}")
        entries = list(value)
        entries[int(name)] = _override(entries[int(name)], rest, new, where)
        return tuple(entries)
    if isinstance(value, dict):
        if (joined := ".".join(steps)) in value:  # as a sweep's axes, whose names are paths
            return {**value, joined: new}
        return {**value, name: _override(value.get(name), rest, new, where)}
    raise InputError(f"{where}: {name!r} lies beneath a plain value; leave it out")
