"""Dataclasses whose fields are checked: a wrong one is an InputError, in one line that names it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

from ironglass.choices import did_you_mean, listed, shown
from ironglass.errors import InputError

T = TypeVar("T")

SEEDS = 2**32
"""Seeds are below this: numpy's older generators take 32 bits."""

_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "fields with their values",
    "mapping": "fields with their values",
    "path": "a path",
}
_BOUNDS = {
    "greater_than": "a number above {gt:,}",
    "greater_than_equal": "a number of at least {ge:,}",
    "less_than": "a number below {lt:,}",
    "less_than_equal": "a number of at most {le:,}",
    "multiple_of": "a multiple of {multiple_of:,}",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
}


@dataclass_transform(field_specifiers=(dataclasses.field, Field))
def dataclass(**how: Any) -> Callable[[type[T]], type[T]]:
    """pydantic's dataclass, given the same arguments, whose constructor raises InputError for what it refuses."""

    def make(cls: type[T]) -> type[T]:
        made: Any = pydantic_dataclass(**how)(cls)
        construct = made.__init__

        @functools.wraps(construct)
        def __init__(self: Any, *given: Any, **fields: Any) -> None:
            if given and how.get("kw_only"):
                raise InputError(f"{type(self).__name__} takes its fields by name, not {shown(given[0])} alone")
            try:
                construct(self, *given, **fields)
            except ValidationError as error:
                raise refusal(error, type(self)) from None

        made.__init__ = __init__
        return made

    return make


def refusal(error: ValidationError, kind: type) -> InputError:
    """Converts the first of pydantic's errors to one line: the field, the value, and what would be right.

    kind: the dataclass that was to be made.
    """
    # a misspelt field comes before the one that is therefore missing
    first: dict[str, Any] = dict(min(error.errors(), key=lambda one: one["type"].startswith("missing")))
    said = first.get("ctx", {}).get("error")
    if isinstance(said, InputError):
        return said
    where = ".".join(str(part) for part in first["loc"])
    name, what = first["loc"][-1] if first["loc"] else kind.__name__, first["type"]
    if what in ("unexpected_keyword_argument", "unexpected_positional_argument", "extra_forbidden"):
        known = _fields_at(kind, first["loc"][:-1])
        return InputError(
            f"there is no field {where!r}{did_you_mean(name, known)}; {_name_at(kind, first['loc'][:-1])} has "
            f"{', '.join(known)}"
        )
    if what in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return InputError(f"{kind.__name__} needs {where}: give it")
    return InputError(f"{where} is {shown(first['input'])}: {_right(first)}")


def check_seed(seed: object) -> int:
    """The seed. Raises InputError for what is no whole number from 0 to 2**32 - 1."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed.__index__() < SEEDS:  # type: ignore[attr-defined]
        raise InputError(f"seed is {shown(seed)}: give a whole number from 0 to {SEEDS - 1}")
    return int(seed.__index__())  # type: ignore[attr-defined]


def expect(value: Any, kind: Any, name: str, how: str) -> None:
    """Raises InputError where an argument is no object of that kind. how: what to give, "an ironglass.Audit(...)"."""
    if not isinstance(value, kind):
        raise InputError(f"{name} is {shown(value)}: give {how}")


def _right(first: dict[str, Any]) -> str:
    """Advice on the right value, for one of pydantic's errors."""
    what, context = first["type"], first.get("ctx", {})
    if what == "literal_error":
        choices = [choice.strip("'") for choice in context["expected"].replace(" or ", ", ").split(", ")]
        return f"choose from {listed(choices)}{did_you_mean(first['input'], choices)}"
    if what in _BOUNDS:
        return f"give {_BOUNDS[what].format(**context)}"
    if what.startswith("dataclass"):
        return f"give {context.get('class_name', 'a plan')}(...), or its fields"
    kind = _KINDS.get(what.partition("_")[0])
    return f"give {kind}" if kind else first["msg"]


def _name_at(kind: type, loc: tuple[Any, ...]) -> str:
    return ".".join(map(str, loc)) or kind.__name__


def _fields_at(kind: Any, loc: tuple[Any, ...]) -> list[str]:
    """The names of the fields of the dataclass that lies at `loc` beneath `kind`; none where that cannot be told."""
    schema = getattr(kind, "__pydantic_core_schema__", None)
    if not loc:
        return [field.name for field in dataclasses.fields(kind)]
    names = [part for part in loc if isinstance(part, str)]
    inner = next((found for found in _dataclasses_in(schema) if names[-1:] == [found[0]]), None)
    return [field.name for field in dataclasses.fields(inner[1])] if inner else []


def _dataclasses_in(schema: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every (field, dataclass) within a schema of pydantic's."""
    found: list[tuple[str, Any]] = []
    if isinstance(schema, dict):
        if schema.get("type") == "dataclass":
            found.append((name, schema["cls"]))
        name = schema.get("name", name) if schema.get("type") == "dataclass-field" else name
        for key, part in schema.items():
            if key not in ("cls", "metadata"):
                found += _dataclasses_in(part, name)
    elif isinstance(schema, list | tuple):
        for part in schema:
            found += _dataclasses_in(part, name)
    return found


def former_names(**former: str) -> Callable[[T], T]:
    """Decorator for a function or a class that also accepts the former names of its keyword arguments.

    former: former name to the name of today, as in `former_names(place="position")`.
    """

    def accept(call: Any) -> Any:
        @functools.wraps(call)
        def renamed(*args: Any, **values: Any) -> Any:
            return call(*args, **{former.get(name, name): value for name, value in values.items()})

        return renamed

    def decorate(target: Any) -> Any:
        if not isinstance(target, type):
            return accept(target)
        kind: Any = target
        kind.__init__ = accept(kind.__init__)
        return target

    return decorate


_PLAIN = {"int": ("__index__", "a whole number"), "float": ("__float__", "a number"), "bool": ("", "True or False")}


@dataclass_transform(field_specifiers=(dataclasses.field,))
def settings(**how: Any) -> Callable[[type[T]], type[T]]:
    """The standard library's dataclass, given the same arguments, for what is called on tensors (an attack, an
    explainer): its constructor raises InputError for a setting that there is not, and for a value of another kind where
    the field is a whole number, a number or a yes or no, or one of them or None."""

    def make(cls: type[T]) -> type[T]:
        made: Any = dataclasses.dataclass(**how)(cls)
        construct = made.__init__

        @functools.wraps(construct)
        def __init__(self: Any, *given: Any, **values: Any) -> None:
            kind, fields = type(self).__name__, {field.name: str(field.type) for field in dataclasses.fields(self)}
            for name, value in (*zip(fields, given, strict=False), *values.items()):
                if name not in fields:
                    near = did_you_mean(name, fields)
                    raise InputError(f"{kind} has no setting {name!r}{near}: it has {', '.join(fields)}")
                if what := _misfit(fields[name], value):
                    raise InputError(f"{kind}'s {name} is {shown(value)}: give {what}")
            construct(self, *given, **values)

        made.__init__ = __init__
        return made

    return make


def _misfit(annotation: str, value: Any) -> str | None:
    """Advice on a value that does not fit its annotation; None where it fits, or the annotation is of another kind."""
    kind, _, rest = annotation.partition(" | ")
    if kind not in _PLAIN or rest not in ("", "None") or (rest and value is None):
        return None
    method, what = _PLAIN[kind]
    if kind == "bool":
        fits = type(value).__name__ in ("bool", "bool_")
    else:
        fits = hasattr(value, method) and not isinstance(value, bool)
    return None if fits else what
