"""Registration of a user's own methods under a name."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from dataclasses import fields, is_dataclass
from itertools import chain
from math import inf
from typing import Any, cast

from ironglass.attacks import ATTACKS, FAMILIES, THREATS
from ironglass.choices import shown
from ironglass.data.corruptions.corrupt import CORRUPTIONS, SIDES, Corruption
from ironglass.data.find_source import SOURCES
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.harden import OBJECTIVES
from ironglass.train.objective import NAMED

NAME = re.compile(r"[a-z][a-z0-9+]*(-[a-z0-9+]+)*")


def register(name: str, method: Any) -> None:
    """Registers a method under a name, which plans, `attack`, `explain` and `fit` then accept like the library's own.

    `ironglass.testing` checks that a method fulfils its contract.

    Args:
        name: lower-case words joined by "-", not the name of another method.
        method: its attributes determine its kind. An attack has `threat`, `steps`, `label`, `family` and `norms`; an
            explainer `label`, `unit` and `signed`, and optionally `words`; a training objective `label`, `eps` and,
            where it is not "linf", `norm`; a corruption is a `Corruption`. Any other function is a data source: it is
            called with REST of "NAME:REST" and returns a `data.source.Source`.

    Raises:
        InputError: for an invalid or occupied name, and for a method that lacks some of these attributes.

    Example:
        >>> import ironglass as ig
        >>> from ironglass.attacks import PGD
        >>> ig.register("long-pgd", PGD(steps=500))
        >>> "long-pgd" in ig.list_attacks()
        True
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(f"name is {shown(name)}: give lower-case words joined by -, as my-attack")
    if isinstance(method, type) or not (callable(method) or isinstance(method, Corruption)):
        raise InputError(f"method is {shown(method)}: give an attack, explainer, objective, corruption or data source")
    kind, registries = _kind_of(method)
    for registry in registries:
        if registry.get(name, method) is not method:
            raise InputError(f"{name} is the name of another {kind}: choose one that is free")
    for registry in registries:
        registry[name] = method


def _kind_of(method: Any) -> tuple[str, list[MutableMapping[str, Any]]]:
    """Kind of a method, and the registries of that kind. Raises InputError for one that is incomplete."""
    if isinstance(method, Corruption):
        if len(method.strengths) != len(SIDES) or any(len(row) != 5 for row in method.strengths):
            raise InputError(f"strengths are for images of {SIDES} pixels: give a row of five severities for each")
        return "corruption", [cast("MutableMapping[str, Any]", CORRUPTIONS)]
    if hasattr(method, "threat"):
        check_metadata(method, "attack")
        return "attack", [ATTACKS]
    if hasattr(method, "unit") or hasattr(method, "signed"):
        check_metadata(method, "explainer")
        return "explainer", [EXPLAINERS]
    if hasattr(method, "eps"):
        check_metadata(method, "objective")
        return "objective", [OBJECTIVES, NAMED]
    if hasattr(method, "label"):
        raise InputError(
            f"{type(method).__name__} has a label and is not complete: an attack needs threat, steps, family and "
            "norms, an explainer unit and signed, an objective eps"
        )
    return "data source", [SOURCES]


def check_metadata(method: Any, kind: str) -> None:
    """Raises InputError unless a method has the attributes of its kind: "attack", "explainer" or "objective"."""
    for field, is_valid in _REQUIRED_ATTRIBUTES[kind].items():
        if not hasattr(method, field):
            raise InputError(f"the {kind} {type(method).__name__} has no {field}: see the docstring of register")
        if not is_valid(value := getattr(method, field)):
            raise InputError(f"the {kind} {type(method).__name__} has {field} {shown(value)}: {_ADVICE[field]}")
    norm = getattr(method, "norm", None)
    if kind == "objective" and isinstance(norm, str) and norm not in OBJECTIVE_NORMS:
        raise InputError(f"the objective {type(method).__name__} has norm {shown(norm)}: {_ADVICE['norm']}")


OBJECTIVE_NORMS = tuple(THREATS)

_ADVICE = {
    "steps": "give the gradients it takes an image, 0 or more",
    "label": "give its name for people",
    "family": f"choose from {', '.join(FAMILIES)}",
    "norms": f"give a tuple of {', '.join(THREATS)}",
    "unit": "give what its numbers are measured in",
    "signed": "give True or False",
    "eps": "give the size of change it trains against, in units of [0, 1]",
    "norm": f"give that of the change it trains against, one of {', '.join(OBJECTIVE_NORMS)}",
}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _are_norms(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(norm in THREATS for norm in value)


_REQUIRED_ATTRIBUTES: dict[str, dict[str, Callable[[Any], bool]]] = {
    "attack": {"steps": _is_count, "label": _is_text, "family": FAMILIES.__contains__, "norms": _are_norms},
    "explainer": {"label": _is_text, "unit": _is_text, "signed": lambda value: isinstance(value, bool)},
    "objective": {"label": _is_text, "eps": lambda value: isinstance(value, int | float) and 0 <= value < inf},
}


def registered_name(method: Any, kind: str) -> Any:
    """The name under which plans accept a method that is given as an object; anything else is returned unchanged.

    An object that equals a registered one, apart from an attack's threat, has its name. Any other is registered under
    its class and its non-default settings, as `pgd-steps-50`, so that equal settings have equal names.

    kind: "attack" or "explainer".

    Raises InputError for an incomplete method, one of another kind, and one whose name belongs to another method.
    """
    if isinstance(method, type) or not callable(method):
        return method
    actual_kind, registries = _kind_of(method)
    if actual_kind != kind:
        raise InputError(f"{shown(method)} is no {kind}: give one, or a name")
    settings = _without_threat(method)
    if tensors := [setting for setting, value in settings or () if hasattr(value, "shape")]:
        raise InputError(f"{type(method).__name__}'s {tensors[0]} is for one batch: a plan cannot take it")
    for name, registered in registries[0].items():
        if registered is method or (type(registered) is type(method) and _without_threat(registered) == settings):
            return name
    parts = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", type(method).__name__), *map(str, chain(*settings or ()))]
    name = "-".join(re.findall(r"[a-z0-9+]+", "-".join(parts).lower()))
    register(name, method)
    return name


def _without_threat(method: Any) -> tuple[tuple[str, Any], ...] | None:
    """The non-default settings of a dataclass, without the threat; None for any other object."""
    if not is_dataclass(method):
        return None
    settings = [(field.name, getattr(method, field.name), field.default) for field in fields(method)]
    return tuple(
        (name, value) for name, value, default in settings if name != "threat" and not _same_setting(value, default)
    )


def _same_setting(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and bool(value == default))
