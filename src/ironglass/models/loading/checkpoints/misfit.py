"""The error for a checkpoint that belongs to another network, listing what misfits on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ironglass.errors import InputError
from ironglass.models.loading.checkpoints.few import few
from ironglass.models.loading.checkpoints.fit import WRAPPERS, Fit
from ironglass.models.loading.class_errors import HeadMismatch


def misfit(fit: Fit, own: Mapping[str, Tensor], path: Path, where: str) -> InputError:
    """The error that lists what misfits, on both sides."""
    said = str(path) + (f" ({where})" if where else "")
    shapes = fit.shapes or {}
    if outputs := _other_outputs(fit, own):
        (theirs, ours), name = next(iter(shapes.values())), next(iter(shapes))
        message = f"{said}: {name!r} has shape {theirs} where the network has {ours}"
        return HeadMismatch(f"{message}: its last layer has {outputs} outputs, not {ours[0]}", outputs)
    clauses = []
    if fit.missing:
        clauses.append(f"lacks the {_tensors(fit.missing)}{_of(fit.missing, len(own))}")
    if fit.unexpected:
        clauses.append(f"has the {_tensors(fit.unexpected)}, which the network lacks")
    if shapes:
        name, (theirs, ours) = next(iter(shapes.items()))
        more = f" (and {len(shapes) - 1} more of other shapes)" if len(shapes) > 1 else ""
        clauses.append(f"its {name!r} has shape {theirs} where the network has {ours}{more}")
    return InputError(f"{said} {'; '.join(clauses)}: it belongs to another network{_hint(fit, own)}")


def _other_outputs(fit: Fit, own: Mapping[str, Tensor]) -> int | None:
    """The outputs of the file's last layer, where nothing but their number differs; else None."""
    shapes = fit.shapes or {}
    counts = {(theirs[:1], ours[:1]) for theirs, ours in shapes.values() if theirs[1:] == ours[1:] and theirs}
    rest = any(theirs[1:] != ours[1:] for theirs, ours in shapes.values())
    if fit.missing or fit.unexpected or rest or len(counts) != 1:
        return None
    (theirs, ours) = counts.pop()
    layers = {name.rpartition(".")[0] for name in shapes}
    whole = all(name in shapes for name in own if name.rpartition(".")[0] in layers and own[name].shape[:1] == ours)
    return theirs[0] if whole and any(len(shape) > 1 for shape, _ in shapes.values()) else None


def _of(missing: tuple[str, ...], count: int) -> str:
    return f" (of {count})" if len(missing) > 1 else ""


def _hint(fit: Fit, own: Mapping[str, Tensor]) -> str:
    """The one prefix that all of the file's names share, where it is the reader's to take off."""
    first = {name.partition(".")[0] for name in fit.unexpected}
    if len(first) != 1 or len(fit.unexpected) < 2 or (word := first.pop()) in WRAPPERS:
        return ""
    if any(name.removeprefix(f"{word}.") in own for name in fit.unexpected):
        return f" (all names begin with {word!r}; where that is only the module they were saved from, take it off)"
    return ""


def _tensors(names: tuple[str, ...]) -> str:
    return f"tensor{'s' if len(names) > 1 else ''} {few(names)}"
