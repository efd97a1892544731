"""Dataclasses that validate their fields and raise InputError, in one line that names the field."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic.dataclasses import rebuild_dataclass

from ironglass.choices import did_you_mean, listed, shown
from ironglass.errors import InputError

T = TypeVar("T")

SEEDS = 2**32
"""Upper bound of seeds, exclusive: numpy's legacy generators take 32 bits."""

_TYPE_NAMES = {
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
def dataclass(**options: Any) -> Callable[[type[T]], type[T]]:
    """pydantic's dataclass, with the same options, whose constructor raises InputError for an invalid value."""

    def make(cls: type[T]) -> type[T]:
        wrapped: Any = pydantic_dataclass(**options)(cls)
        if not wrapped.__pydantic_complete__:  # pydantic 2.11 reads inherited annotations in this class's module
            modules = (sys.modules[base.__module__] for base in reversed(cls.__mro__))
            names = {name: value for module in modules for name, value in vars(module).items()}
            rebuild_dataclass(wrapped, raise_errors=False, _types_namespace=names)
        construct = wrapped.__init__

        @functools.wraps(construct)
        def __init__(self: Any, *args: Any, **fields: Any) -> None:
            if args and options.get("kw_only"):
                raise InputError(f"{type(self).__name__} takes its fields by name, not {shown(args[0])} alone")
            try:
                construct(self, *args, **fields)
            except ValidationError as error:
                raise input_error(error, type(self)) from None

        wrapped.__init__ = __init__
        return wrapped

    return make


def input_error(error: ValidationError, kind: type) -> InputError:
    """Converts the most telling of pydantic's errors to one line: the field, its value, and what to give instead.

    kind: the dataclass that was constructed.
    """
    # a misspelt field is named before the field that is missing because of it
    worst: dict[str, Any] = dict(min(error.errors(), key=lambda item: item["type"].startswith("missing")))
    cause = worst.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return cause
    path = ".".join(str(part) for part in worst["loc"])
    name, code = worst["loc"][-1] if worst["loc"] else kind.__name__, worst["type"]
    if code in ("unexpected_keyword_argument", "unexpected_positional_argument", "extra_forbidden"):
        field_names = _fields_at(kind, worst["loc"][:-1])
        return InputError(
            f"there is no field {path!r}{did_you_mean(name, field_names)}; {_name_at(kind, worst['loc'][:-1])} has "
            f"{', '.join(field_names)}"
        )
    if code in ("missing", "missing_argument", "missing_keyword_only_argument"):
        return InputError(f"{kind.__name__} needs {path}: give it")
    return InputError(f"{path} is {shown(worst['input'])}: {_advice(worst)}")


def check_seed(seed: object) -> int:
    """The seed as an int. Raises InputError for anything but a whole number from 0 to 2**32 - 1."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or not 0 <= seed.__index__() < SEEDS:  # type: ignore[attr-defined]
        raise InputError(f"seed is {shown(seed)}: give a whole number from 0 to {SEEDS - 1}")
    return int(seed.__index__())  # type: ignore[attr-defined]


def expect(value: Any, kind: Any, name: str, expected: str) -> None:
    """Raises InputError where an argument is not of that type. expected: what to give, "an ironglass.Audit(...)"."""
    if not isinstance(value, kind):
        raise InputError(f"{name} is {shown(value)}: give {expected}")


def _advice(error: dict[str, Any]) -> str:
    """Advice on the values that a field takes, for one of pydantic's errors."""
    code, context = error["type"], error.get("ctx", {})
    if code == "literal_error":
        choices = [choice.strip("'") for choice in context["expected"].replace(" or ", ", ").split(", ")]
        return f"choose from {listed(choices)}{did_you_mean(error['input'], choices)}"
    if code in _BOUNDS:
        return f"give {_BOUNDS[code].format(**context)}"
    if code.startswith("dataclass"):
        return f"give {context.get('class_name', 'a plan')}(...), or its fields"
    kind = _TYPE_NAMES.get(code.partition("_")[0])
    return f"give {kind}" if kind else error["msg"]


def _name_at(kind: type, loc: tuple[Any, ...]) -> str:
    return ".".join(map(str, loc)) or kind.__name__


def _fields_at(kind: Any, loc: tuple[Any, ...]) -> list[str]:
    """The field names of the dataclass at `loc` within `kind`; [] where it cannot be determined."""
    schema = getattr(kind, "__pydantic_core_schema__", None)
    if not loc:
        return [field.name for field in dataclasses.fields(kind) if field.repr]
    names = [part for part in loc if isinstance(part, str)]
    match = next((entry for entry in _dataclasses_in(schema) if names[-1:] == [entry[0]]), None)
    return [field.name for field in dataclasses.fields(match[1]) if field.repr] if match else []


def _dataclasses_in(schema: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every (field, dataclass) within one of pydantic's schemas."""
    results: list[tuple[str, Any]] = []
    if isinstance(schema, dict):
        if schema.get("type") == "dataclass":
            results.append((name, schema["cls"]))
        name = schema.get("name", name) if schema.get("type") == "dataclass-field" else name
        for key, child in schema.items():
            if key not in ("cls", "metadata"):
                results += _dataclasses_in(child, name)
    elif isinstance(schema, list | tuple):
        for child in schema:
            results += _dataclasses_in(child, name)
    return results


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


_SCALAR_TYPES = {
    "int": ("__index__", "a whole number"),
    "float": ("__float__", "a number"),
    "bool": ("", "True or False"),
}


@dataclass_transform(field_specifiers=(dataclasses.field,))
def settings(**options: Any) -> Callable[[type[T]], type[T]]:
    """The standard library's dataclass, with the same options, for methods that are called on tensors.

    The constructor raises InputError for an unknown setting, and for a value of another type where the field is an int,
    float or bool, or one of these or None.
    """

    def make(cls: type[T]) -> type[T]:
        wrapped: Any = dataclasses.dataclass(**options)(cls)
        construct = wrapped.__init__

        @functools.wraps(construct)
        def __init__(self: Any, *args: Any, **values: Any) -> None:
            kind, fields = type(self).__name__, {field.name: str(field.type) for field in dataclasses.fields(self)}
            for name, value in (*zip(fields, args, strict=False), *values.items()):
                if name not in fields:
                    suggestion = did_you_mean(name, fields)
                    raise InputError(f"{kind} has no setting {name!r}{suggestion}: it has {', '.join(fields)}")
                if advice := _type_advice(fields[name], value):
                    raise InputError(f"{kind}'s {name} is {shown(value)}: give {advice}")
            construct(self, *args, **values)

        wrapped.__init__ = __init__
        return wrapped

    return make


def _type_advice(annotation: str, value: Any) -> str | None:
    """Advice on a value that does not match its annotation; None where it does, or the annotation is not a scalar's."""
    kind, _, alternative = annotation.partition(" | ")
    if kind not in _SCALAR_TYPES or alternative not in ("", "None") or (alternative and value is None):
        return None
    method, description = _SCALAR_TYPES[kind]
    if kind == "bool":
        is_valid = type(value).__name__ in ("bool", "bool_")
    else:
        is_valid = hasattr(value, method) and not isinstance(value, bool)
    return None if is_valid else description
