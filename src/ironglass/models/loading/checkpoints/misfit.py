"""The error for a checkpoint of another network, which lists the differences on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ironglass.errors import InputError
from ironglass.models.loading.checkpoints.few import shortened_list
from ironglass.models.loading.checkpoints.fit import WRAPPERS, Fit
from ironglass.models.loading.class_errors import HeadMismatch


def misfit(fit: Fit, expected: Mapping[str, Tensor], path: Path, section: str) -> InputError:
    """The error that lists missing, unexpected and differently shaped tensors."""
    source = str(path) + (f" ({section})" if section else "")
    shapes = fit.shapes or {}
    if outputs := _other_outputs(fit, expected):
        (file_shape, network_shape), name = next(iter(shapes.values())), next(iter(shapes))
        message = f"{source}: {name!r} has shape {file_shape} where the network has {network_shape}"
        return HeadMismatch(f"{message}: its last layer has {outputs} outputs, not {network_shape[0]}", outputs)
    clauses = []
    if fit.missing:
        clauses.append(f"lacks the {_tensors(fit.missing)}{_of(fit.missing, len(expected))}")
    if fit.unexpected:
        clauses.append(f"has the {_tensors(fit.unexpected)}, which the network lacks")
    if shapes:
        name, (file_shape, network_shape) = next(iter(shapes.items()))
        suffix = f" (and {len(shapes) - 1} more of other shapes)" if len(shapes) > 1 else ""
        clauses.append(f"its {name!r} has shape {file_shape} where the network has {network_shape}{suffix}")
    return InputError(f"{source} {'; '.join(clauses)}: it belongs to another network{_hint(fit, expected)}")


def _other_outputs(fit: Fit, expected: Mapping[str, Tensor]) -> int | None:
    """The outputs of the file's last layer, where nothing but their number differs; else None."""
    shapes = fit.shapes or {}
    counts = {
        (file_shape[:1], network_shape[:1])
        for file_shape, network_shape in shapes.values()
        if file_shape[1:] == network_shape[1:] and file_shape
    }
    other_differences = any(file_shape[1:] != network_shape[1:] for file_shape, network_shape in shapes.values())
    if fit.missing or fit.unexpected or other_differences or len(counts) != 1:
        return None
    (file_shape, network_shape) = counts.pop()
    layers = {name.rpartition(".")[0] for name in shapes}
    consistent = all(
        name in shapes
        for name in expected
        if name.rpartition(".")[0] in layers and expected[name].shape[:1] == network_shape
    )
    return file_shape[0] if consistent and any(len(shape) > 1 for shape, _ in shapes.values()) else None


def _of(missing: tuple[str, ...], count: int) -> str:
    return f" (of {count})" if len(missing) > 1 else ""


def _hint(fit: Fit, expected: Mapping[str, Tensor]) -> str:
    """The one prefix that all of the file's names share, where it is the reader's to take off."""
    first = {name.partition(".")[0] for name in fit.unexpected}
    if len(first) != 1 or len(fit.unexpected) < 2 or (prefix := first.pop()) in WRAPPERS:
        return ""
    if any(name.removeprefix(f"{prefix}.") in expected for name in fit.unexpected):
        return f" (all names begin with {prefix!r}; where that is only the module they were saved from, take it off)"
    return ""


def _tensors(names: tuple[str, ...]) -> str:
    return f"tensor{'s' if len(names) > 1 else ''} {shortened_list(names)}"
