"""Conversion of a network's outputs to logits (n, k): unchanged, adapted, or refused with both shapes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ironglass.errors import InputError, with_article
from ironglass.types import Logits

MAIN = ("logits", "out", "output", "main", "pred", "prediction", "predictions")
"""Names under which networks keep their main output, the surest first."""


@dataclasses.dataclass(frozen=True)
class ReadOutputs:
    """Outputs of one forward pass."""

    logits: Logits
    """The main output, (n, k), in the network's own precision."""
    others: tuple[Logits, ...] = ()
    """Further outputs of that shape, as auxiliary classifiers give them in training."""
    words: str = ""
    """The adaptation, a clause; "" where the network gives plain logits."""
    single: Tensor | None = None
    """The one number an image, (n,), that the two logits were made of."""


def read_outputs(outputs: Any, n: int, k: int) -> ReadOutputs:
    """The logits in what a network gave for `n` images, where there are `k` class names.

    A tensor (n, k) is taken as it is. Adapted: (n, k, 1, 1); one number an image where k is 2, see `_two_of_one`; (k,)
    for a single image; of a dict, a dataclass, a named tuple or transformers' ModelOutput the entry in MAIN, or the
    only one of such a shape; of a tuple or list the first of such a shape. Raises InputError, naming the outputs and
    the class names, for all else.
    """
    if isinstance(outputs, Tensor):
        logits, words = _as_logits(outputs, n, k)
        if logits is None:
            raise InputError(misfit(outputs, n, k))
        return ReadOutputs(logits, (), words, _single(outputs, n, k))
    entries_by_name = _entries_by_name(outputs)
    if entries_by_name is None and not isinstance(outputs, tuple | list):
        raise InputError(
            f"the network gives no tensor but {_kind(outputs)} for {n} images: it must give ({n}, {k}) logits"
        )
    entries = list(_leaves(entries_by_name if entries_by_name is not None else dict(enumerate(outputs))))
    main = next((name for name in MAIN if entries_by_name and isinstance(entries_by_name.get(name), Tensor)), None)
    candidates = {key: reading[0] for key, tensor in entries if (reading := _as_logits(tensor, n, k))[0] is not None}
    if main is not None and main not in candidates:
        raise InputError(misfit(entries_by_name[main], n, k, f"{main!r}, of {', '.join(map(str, entries_by_name))},"))  # type: ignore[index]
    if main is None and not candidates:
        raise InputError(_no_logits(outputs, entries, n, k))
    if main is None:
        main = _main_name(list(candidates), entries_by_name is not None)
    main_output = dict(entries)[main]
    clause = (
        f"its output {main!r} is read as the logits"
        if entries_by_name
        else f"its output {main} of {len(outputs)} is read"
    )
    adapted = _as_logits(main_output, n, k)[1]
    others = tuple(tensor for key, tensor in candidates.items() if key != main)
    return ReadOutputs(
        candidates[main], others, f"{clause}, {adapted}" if adapted else clause, _single(main_output, n, k)
    )


def _main_name(names: list[Any], has_names: bool) -> Any:
    """The first of a tuple's; of named ones the only one that is not called auxiliary."""
    not_auxiliary = [name for name in names if not str(name).lower().startswith("aux")] if has_names else names
    if has_names and len(not_auxiliary) != 1:
        raise InputError(
            f"the network gives several outputs that could be the logits, {', '.join(map(str, names))}: "
            "call one of them 'logits'"
        )
    return not_auxiliary[0]


def _as_logits(outputs: Tensor, n: int, k: int) -> tuple[Logits | None, str]:
    """A tensor as logits (n, k) and what was done to it; None where it cannot be."""
    shape = tuple(outputs.shape)
    if not outputs.is_floating_point():
        return None, ""
    if shape == (n, k):
        return outputs, ""
    if len(shape) > 2 and shape[:2] == (n, k) and outputs.numel() == n * k:
        return outputs.flatten(1), f"its axes of length 1 are dropped from {_shape_text(shape, n)}"
    if _single(outputs, n, k) is not None:
        return _two_of_one(outputs.reshape(n)), "its one number an image becomes two logits, minus and plus half of it"
    if n == 1 and shape == (k,):
        return outputs[None], "the axis of a single image is put back"
    return None, ""


def _single(outputs: Tensor, n: int, k: int) -> Tensor | None:
    """The one number an image of two classes, (n,); None where there is another number of either."""
    is_single = k == 2 and outputs.numel() == n and outputs.shape[:1] in ((n,), ())
    return outputs.reshape(n) if is_single and outputs.is_floating_point() else None


def _two_of_one(z: Tensor) -> Logits:
    """Two logits, (−z/2, z/2), of a single one, (n,): exact, and for both classes there is something to explain.

    Class 1 is predicted where z > 0, its probability is sigmoid(z), and the cross-entropy is the binary one of z.
    """
    half = z / 2
    return torch.stack((-half, half), 1)


def _entries_by_name(outputs: Any) -> dict[str, Any] | None:
    """The entries of a container that names them; None of any other."""
    if isinstance(outputs, Mapping):
        return {str(name): value for name, value in outputs.items()}
    if isinstance(outputs, tuple) and hasattr(outputs, "_asdict"):
        return dict(outputs._asdict())  # type: ignore[attr-defined]
    if dataclasses.is_dataclass(outputs) and not isinstance(outputs, type):
        return {field.name: getattr(outputs, field.name) for field in dataclasses.fields(outputs)}
    logits = getattr(outputs, "logits", None)
    return {"logits": logits} if isinstance(logits, Tensor) else None


def _leaves(entries: Mapping[Any, Any], outer: str = "") -> Iterator[tuple[Any, Tensor]]:
    for name, value in entries.items():
        key = f"{outer}.{name}" if outer else name
        if isinstance(value, Tensor):
            yield key, value
        elif (inner := _entries_by_name(value)) is not None:
            yield from _leaves(inner, str(key))
        elif isinstance(value, tuple | list):
            yield from _leaves(dict(enumerate(value)), str(key))


def misfit(outputs: Tensor, n: int, k: int, name: str = "") -> str:
    """Why this tensor cannot be the logits of `n` images and `k` class names, and how to mend it."""
    shape = tuple(outputs.shape)
    subject = f"the network's output {name} is".replace("  ", " ") if name else "the network gives"
    if not outputs.is_floating_point():
        summary = f"{outputs.dtype} {shape} for {n} images and {k} class names"
        return f"{subject} {summary}: it must give float logits ({n}, {k})"
    if len(shape) == 2 and shape[0] == n:
        return (
            f"{subject} {shape[1]} outputs an image and there are {k} class names: "
            f"give it a head of {k} outputs, or {shape[1]} class names"
        )
    if shape == (k, n):
        return f"{subject} {shape} for {n} images and {k} class names, its axes exchanged: transpose it to ({n}, {k})"
    if shape in ((k,), (1, k)):
        return (
            f"{subject} one row of {k} outputs for {n} images and {k} class names: it sums or averages over the batch"
        )
    if len(shape) > 2 and shape[:1] == (n,):
        return f"{subject} {shape} for {n} images and {k} class names, not one row an image: pool it to ({n}, {k})"
    return f"{subject} {shape} for {n} images and {k} class names: it must give ({n}, {k})"


def _no_logits(outputs: Any, entries: list[tuple[Any, Tensor]], n: int, k: int) -> str:
    if len(entries) == 1:
        return misfit(entries[0][1], n, k, f"{entries[0][0]!r}")
    shapes = ", ".join(f"{name}: {tuple(tensor.shape)}" for name, tensor in entries[:6]) or "no tensor"
    return (
        f"the network gives {_kind(outputs)} of {shapes} for {n} images and {k} class names: none of it is ({n}, {k})"
    )


def _kind(outputs: Any) -> str:
    return "None" if outputs is None else with_article(type(outputs).__name__)


def _shape_text(shape: tuple[int, ...], n: int) -> str:
    return f"(n, {', '.join(map(str, shape[1:]))})" if shape[0] == n else str(shape)
