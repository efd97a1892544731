"""A text by which a callable is known again in another process: repr without addresses, and a digest of its code."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, cast

from torch import Tensor, nn

PLAIN = (int, float, str, bytes, bool, type(None))


def fingerprint(call: Any) -> str:
    """As "5f0c2a91 noisy", where the digest is of the code of functions in it, and of what these close over.

    Other code, another setting, another constant: another text. Libraries' own classes are known by their repr alone.
    """
    digest = hashlib.sha256("\n".join(_parts(call, set())).encode()).hexdigest()[:8]
    return f"{digest} {_text(call)}"


def _text(value: Any) -> str:
    if isinstance(value, FunctionType | MethodType):
        return value.__qualname__
    bare = type(value).__repr__ is object.__repr__
    return type(value).__qualname__ if bare else " ".join(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)).split())


def _parts(value: Any, visited: set[int]) -> Iterator[str]:
    """Texts that together tell a value apart from another."""
    if isinstance(value, PLAIN):
        yield f"{type(value).__name__} {value!r}"
        return
    if isinstance(value, MethodType):
        yield from _parts(value.__func__, visited)
        yield from _parts(value.__self__, visited)
    elif isinstance(value, FunctionType):
        if id(value) not in visited:  # functions and objects may refer to themselves
            visited.add(id(value))
            yield from _function(value, visited)
    elif isinstance(value, functools.partial):
        for part in (value.func, value.args, value.keywords):
            yield from _parts(part, visited)
    elif isinstance(value, dict):
        for name, entry in cast("dict[Any, Any]", value).items():
            yield from _parts(name, visited)
            yield from _parts(entry, visited)
    elif isinstance(value, list | tuple):
        for entry in cast("list[Any]", value):
            yield from _parts(entry, visited)
    elif isinstance(value, set | frozenset):
        yield from sorted(map(repr, cast("set[Any]", value)))
    elif isinstance(value, Tensor):
        yield f"tensor {tuple(value.shape)} {value.detach().cpu().flatten()[:1000].tolist()}"
    elif id(value) not in visited:
        visited.add(id(value))
        yield from _object(value, visited)


def _object(value: Any, visited: set[int]) -> Iterator[str]:
    yield _text(value)
    if not type(value).__module__.startswith(("torch.", "torchvision.")):
        for name in ("__call__", "forward"):
            yield from _parts(getattr(type(value), name, None), visited)
    if isinstance(value, nn.Module):
        yield from _parts([*value.children(), *value.state_dict().values()], visited)
    settings = {name: entry for name, entry in getattr(value, "__dict__", {}).items() if not name.startswith("_")}
    yield from _parts(settings, visited)


def _function(function: FunctionType, visited: set[int]) -> Iterator[str]:
    yield from _code(function.__code__)
    yield from _parts((function.__defaults__, function.__kwdefaults__), visited)
    yield from _parts([cell.cell_contents for cell in function.__closure__ or ()], visited)
    constants = (function.__globals__.get(name) for name in function.__code__.co_names)
    yield from _parts([value for value in constants if isinstance(value, int | float | str | FunctionType)], visited)


def _code(code: CodeType) -> Iterator[str]:
    yield f"{code.co_code.hex()} {code.co_names}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code(constant)
        else:
            yield str(sorted(map(repr, constant)) if isinstance(constant, frozenset) else repr(constant))
