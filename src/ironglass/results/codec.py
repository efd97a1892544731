"""From frozen dataclasses to JSON and back: strict, and every refusal names the key."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from ironglass.errors import InputError, brief

T = TypeVar("T")


def _alias(name: str) -> str:
    """The key of a field: `class_` stands for "class", which Python keeps for itself."""
    return name.removesuffix("_")


STRICT = ConfigDict(extra="forbid", strict=True, alias_generator=_alias, populate_by_name=True)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def result(cls: type[T]) -> type[T]:
    """A frozen dataclass whose fields are the keys of a JSON object; one with a default may be absent there.

    Its docstring has a line a field, `name: meaning`, from which docs/run-folder.md is made.
    """
    return pydantic_dataclass(cls, frozen=True, kw_only=True, config=STRICT)  # type: ignore[return-value]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def to_dict(value: Any) -> dict[str, Any]:
    """The JSON object of a result. A field that has a default, and has that value, is left out."""
    kind = cast("type[Any]", type(value))
    return _adapter(kind).dump_python(value, mode="json", by_alias=True, exclude_defaults=True)


def from_dict(kind: type[T], value: Any, *, file: object, key: str = "") -> T:
    """The result of class `kind` in a JSON value.

    file: where the value stands, and key: its own key there, for the message. Raises InputError, naming the file and
    the key, for a key that is missing or unknown and for a value of another type or range.
    """
    try:
        return _adapter(kind).validate_json(json.dumps(value))
    except ValidationError as error:
        # a misspelt key comes before the one that is therefore missing, and both before the list that is so too short
        order = {"missing": 1, "too_short": 2}
        worst = min(error.errors(include_url=False), key=lambda item: order.get(item["type"], 0))
    steps = [*([key] if key else []), *_keys(worst["loc"], value, absent=worst["type"] == "missing")]
    if worst["type"] == "union_tag_not_found":
        steps.append(str(worst.get("ctx", {}).get("discriminator", "")).strip("'"))
    location = ".".join(map(str, steps)) or "it"
    if worst["type"] in ("missing", "union_tag_not_found"):
        raise InputError(f"{file}: {location} is missing: restore the file, or run again")
    if worst["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        raise InputError(f"{file}: {location} is no key of results.json that this version knows")
    reason = str(worst.get("ctx", {}).get("error") or worst["msg"])
    raise InputError(f"{file}: {location} is {brief(worst['input'])}: {reason}; ironglass writes no such thing")


def _keys(steps: tuple[int | str, ...], value: Any, *, absent: bool) -> list[int | str]:
    """The steps of pydantic's path that are keys and positions of the value, not names of types in a union.

    absent: whether the last one is a key that is missing.
    """
    keys: list[int | str] = []
    for number, step in enumerate(steps):
        missing = absent and number == len(steps) - 1
        if isinstance(value, dict):
            members = cast("dict[int | str, Any]", value)
            if step in members or missing:
                keys.append(step)
                value = members.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            items = cast("list[Any]", value)
            if step < len(items):
                keys.append(step)
                value = items[step]
    return keys
