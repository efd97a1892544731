"""From what a network gives to logits (n, k): read as it is, adapted by name, or refused with both numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.types import Logits

MAIN = ("logits", "out", "output", "main", "pred", "prediction", "predictions")
"""Names under which networks keep their main output, the surest first."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """Outputs of one forward pass."""

    logits: Logits
    """The main output, (n, k), in the network's own precision."""
    others: tuple[Logits, ...] = ()
    """Further outputs of that shape, as auxiliary classifiers give them in training."""
    words: str = ""
    """What was adapted, a clause; "" where the network gives plain logits."""
    single: Tensor | None = None
    """The one number an image, (n,), that the two logits were made of."""


def read_outputs(found: Any, n: int, k: int) -> Reading:
    """The logits in what a network gave for `n` images, where there are `k` class names.

    A tensor (n, k) is taken as it is. Adapted: (n, k, 1, 1); one number an image where k is 2, see `_two_of_one`; (k,)
    for a single image; of a dict, a dataclass, a named tuple or transformers' ModelOutput the entry in MAIN, or the
    only one of such a shape; of a tuple or list the first of such a shape. Raises InputError, naming the outputs and
    the class names, for all else.
    """
    if isinstance(found, Tensor):
        logits, words = _as_logits(found, n, k)
        if logits is None:
            raise InputError(misfit(found, n, k))
        return Reading(logits, (), words, _single(found, n, k))
    named = _named(found)
    if named is None and not isinstance(found, tuple | list):
        raise InputError(
            f"the network gives no tensor but {_kind(found)} for {n} images: it must give ({n}, {k}) logits"
        )
    entries = list(_leaves(named if named is not None else dict(enumerate(found))))
    main = next((name for name in MAIN if named and isinstance(named.get(name), Tensor)), None)
    fits = {key: reading[0] for key, tensor in entries if (reading := _as_logits(tensor, n, k))[0] is not None}
    if main is not None and main not in fits:
        raise InputError(misfit(named[main], n, k, f"{main!r}, of {', '.join(map(str, named))},"))  # type: ignore[index]
    if main is None and not fits:
        raise InputError(_no_logits(found, entries, n, k))
    if main is None:
        main = _only(list(fits), named is not None)
    how = dict(entries)[main]
    clause = f"its output {main!r} is read as the logits" if named else f"its output {main} of {len(found)} is read"
    adapted = _as_logits(how, n, k)[1]
    others = tuple(tensor for key, tensor in fits.items() if key != main)
    return Reading(fits[main], others, f"{clause}, {adapted}" if adapted else clause, _single(how, n, k))


def _only(names: list[Any], named: bool) -> Any:
    """The first of a tuple's; of named ones the only one that is not called auxiliary."""
    plain = [name for name in names if not str(name).lower().startswith("aux")] if named else names
    if named and len(plain) != 1:
        raise InputError(
            f"the network gives several outputs that could be the logits, {', '.join(map(str, names))}: "
            "call one of them 'logits'"
        )
    return plain[0]


def _as_logits(found: Tensor, n: int, k: int) -> tuple[Logits | None, str]:
    """A tensor as logits (n, k) and what was done to it; None where it cannot be."""
    shape = tuple(found.shape)
    if not found.is_floating_point():
        return None, ""
    if shape == (n, k):
        return found, ""
    if len(shape) > 2 and shape[:2] == (n, k) and found.numel() == n * k:
        return found.flatten(1), f"its axes of length 1 are dropped from {_written(shape, n)}"
    if _single(found, n, k) is not None:
        return _two_of_one(found.reshape(n)), "its one number an image becomes two logits, minus and plus half of it"
    if n == 1 and shape == (k,):
        return found[None], "the axis of a single image is put back"
    return None, ""


def _single(found: Tensor, n: int, k: int) -> Tensor | None:
    """The one number an image of two classes, (n,); None where there is another number of either."""
    one = k == 2 and found.numel() == n and found.shape[:1] in ((n,), ())
    return found.reshape(n) if one and found.is_floating_point() else None


def _two_of_one(z: Tensor) -> Logits:
    """Two logits, (−z/2, z/2), of a single one, (n,): exact, and for both classes there is something to explain.

    Class 1 is predicted where z > 0, its probability is sigmoid(z), and the cross-entropy is the binary one of z.
    """
    half = z / 2
    return torch.stack((-half, half), 1)


def _named(found: Any) -> dict[str, Any] | None:
    """The entries of a container that names them; None of any other."""
    if isinstance(found, Mapping):
        return {str(name): value for name, value in found.items()}
    if isinstance(found, tuple) and hasattr(found, "_asdict"):
        return dict(found._asdict())  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
    logits = getattr(found, "logits", None)
    return {"logits": logits} if isinstance(logits, Tensor) else None


def _leaves(entries: Mapping[Any, Any], outer: str = "") -> Iterator[tuple[Any, Tensor]]:
    for name, value in entries.items():
        key = f"{outer}.{name}" if outer else name
        if isinstance(value, Tensor):
            yield key, value
        elif (inner := _named(value)) is not None:
            yield from _leaves(inner, str(key))
        elif isinstance(value, tuple | list):
            yield from _leaves(dict(enumerate(value)), str(key))


def misfit(found: Tensor, n: int, k: int, which: str = "") -> str:
    """Why this tensor cannot be the logits of `n` images and `k` class names, and how to mend it."""
    shape = tuple(found.shape)
    gives = f"the network's output {which} is".replace("  ", " ") if which else "the network gives"
    if not found.is_floating_point():
        return f"{gives} {found.dtype} {shape} for {n} images and {k} class names: it must give float logits ({n}, {k})"
    if len(shape) == 2 and shape[0] == n:
        return (
            f"{gives} {shape[1]} outputs an image and there are {k} class names: "
            f"give it a head of {k} outputs, or {shape[1]} class names"
        )
    if shape == (k, n):
        return f"{gives} {shape} for {n} images and {k} class names, its axes exchanged: transpose it to ({n}, {k})"
    if shape in ((k,), (1, k)):
        return f"{gives} one row of {k} outputs for {n} images and {k} class names: it sums or averages over the batch"
    if len(shape) > 2 and shape[:1] == (n,):
        return f"{gives} {shape} for {n} images and {k} class names, not one row an image: pool it to ({n}, {k})"
    return f"{gives} {shape} for {n} images and {k} class names: it must give ({n}, {k})"


def _no_logits(found: Any, entries: list[tuple[Any, Tensor]], n: int, k: int) -> str:
    if len(entries) == 1:
        return misfit(entries[0][1], n, k, f"{entries[0][0]!r}")
    shapes = ", ".join(f"{name}: {tuple(tensor.shape)}" for name, tensor in entries[:6]) or "no tensor"
    return f"the network gives {_kind(found)} of {shapes} for {n} images and {k} class names: none of it is ({n}, {k})"


def _kind(found: Any) -> str:
    return "None" if found is None else f"a {type(found).__name__}"


def _written(shape: tuple[int, ...], n: int) -> str:
    return f"(n, {', '.join(map(str, shape[1:]))})" if shape[0] == n else str(shape)
