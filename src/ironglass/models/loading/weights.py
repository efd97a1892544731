"""Fitting the tensors of a checkpoint to a network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.loading.checkpoint import WRAPPINGS, Checkpoint, read_checkpoint
from ironglass.run import Run

# What wraps a network while it is trained, and so stands before the names of its weights: DataParallel and SWA's
# AveragedModel, torch.compile, and the usual attributes of a LightningModule.
WRAPPERS = ("module", "_orig_mod", "model", "network", "backbone", "net")
_NAMED = 3


class HeadMismatch(InputError):
    """Weights whose last layer has another number of outputs than the network's; all else fits.

    outputs: of the weights' last layer.
    """

    def __init__(self, message: str, outputs: int) -> None:
        super().__init__(message)
        self.outputs = outputs


class UnnamedOutputs(InputError):
    """Weights for other classes than the source's own, whose names nobody has given.

    outputs: of the weights' last layer.
    """

    def __init__(self, message: str, outputs: int) -> None:
        super().__init__(message)
        self.outputs = outputs


@dataclass(frozen=True)
class Fit:
    """How a checkpoint's tensors fill a network.

    state: by the network's own names. missing, unexpected: names that one side lacks. shapes: names with both shapes,
    the file's first. remarks: what was chosen or left out, a clause each.
    """

    state: Mapping[str, Tensor]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether every tensor has its place."""
        return not (self.missing or self.unexpected or self.shapes)

    @property
    def misfits(self) -> int:
        """How many tensors have no place."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes or ())


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The named tensors of a file. Raises InputError where it is no checkpoint or a value is not finite."""
    checkpoint = read_checkpoint(path)
    state = next(iter(checkpoint.states.values()))
    for name, tensor in state.items():
        check_values(checkpoint.path, name, tensor)
    return state


def load_state(network: nn.Module, state: Mapping[str, Tensor], source: str | Path) -> None:
    """Copies `state` into the network. Raises InputError where a name, a shape or a kind of tensor does not match."""
    load_checkpoint(network, Checkpoint(Path(source), {"": dict(state)}))


@torch.no_grad()
def load_checkpoint(network: nn.Module, checkpoint: Checkpoint) -> tuple[str, ...]:
    """Copies a checkpoint's weights into the network, and gives back what of them was chosen or left out.

    Prefixes of WRAPPERS are taken off only where the network's own names then match; batch-norm's
    `num_batches_tracked` may be absent, as in old files. Of several sets that fit, the first by WRAPPINGS is taken, and
    those of other names are refused where they differ. Raises HeadMismatch where only the last layer differs, else
    InputError listing what misfits on both sides; nothing is copied then.
    """
    own = {name: tensor for name, tensor in network.state_dict().items() if isinstance(tensor, Tensor)}
    fits = {where: fit_names(own, state) for where, state in checkpoint.states.items()}
    where, best = min(fits.items(), key=lambda one: one[1].misfits)
    if not best.exact:
        raise _misfit(best, own, checkpoint.path, where)
    others = [name for name, fit in fits.items() if fit.exact and name != where]
    if where.split(".")[0] not in ("", *WRAPPINGS) and any(_differ(best, fits[name]) for name in others):
        raise InputError(
            f"{checkpoint.path} holds several sets of weights that fit, {few([where, *others])}, and which is meant"
            " cannot be told: save that one alone, as {'state_dict': ...}"
        )
    ready = {name: _converted(checkpoint.path, name, tensor, own[name]) for name, tensor in best.state.items()}
    # of a run folder; only now, since a reason that the file itself shows says more
    Run(checkpoint.path.parent).check([checkpoint.path.name])
    for name, tensor in ready.items():
        own[name].copy_(tensor)
    remarks = list(best.remarks)
    if others:
        remarks.insert(0, f"the weights under {where!r} are taken, not those under {few(others)}")
    elif "ema" in where.lower():
        remarks.insert(0, f"the averaged weights under {where!r} are taken")
    return tuple(f"{checkpoint.path}: {remark}" for remark in remarks)


def _differ(one: Fit, other: Fit) -> bool:
    return any(not torch.equal(tensor, other.state[name]) for name, tensor in one.state.items() if name in other.state)


def fit_names(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Fit:
    """How the file's tensors fit the network's: as they are named or, only where that does not do, without the names
    of wrappers. The first way that fits whole is taken, else the one with the fewest misfits."""
    compiled = {_uncompiled(name): name for name in own}
    if len(compiled) < len(own):
        compiled = {name: name for name in own}
    ways = [_compare(own, state, {name: name for name in own})]
    if not ways[0].exact:
        plain = {_uncompiled(name): tensor for name, tensor in state.items()}
        ways += [_stripped(own, plain, compiled, prefix) for prefix in _prefixes(compiled, plain)]
    return next((way for way in ways if way.exact), min(ways, key=lambda way: way.misfits))


def _uncompiled(name: str) -> str:
    """The name without the parts that torch.compile puts in, wherever the compiled module lies."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def _prefixes(own: Iterable[str], state: Iterable[str]) -> list[str]:
    """What may stand before all of the network's names in the file: "" and wrappers, the shortest first."""
    anchor = max(own, key=len, default="")
    ends = {name.removesuffix(anchor) for name in state if name.endswith(anchor)}
    starts = {""}
    for name in [*ends, *list(state)[:1]]:
        parts = name.split(".")
        for count in range(1, len(parts)):
            if parts[count - 1] not in WRAPPERS:
                break
            starts.add(".".join(parts[:count]) + ".")
    return sorted(starts, key=len)


def _stripped(own: Mapping[str, Tensor], state: Mapping[str, Tensor], names: Mapping[str, str], prefix: str) -> Fit:
    """The fit of the tensors whose names begin with the prefix; the rest belong to what wrapped the network."""
    inner = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    outer = [name for name in state if not name.startswith(prefix) and name != "n_averaged"]
    found = _compare(own, inner, names)
    left = (f"{len(outer)} of its tensors lie outside {prefix[:-1]!r} and are left out: {few(outer)}",)
    return Fit(found.state, found.missing, found.unexpected, found.shapes, left if outer else ())


def _compare(own: Mapping[str, Tensor], state: Mapping[str, Tensor], names: Mapping[str, str]) -> Fit:
    """The fit by names; `names` gives the network's own name for each of the file's."""
    found = {names[name]: tensor for name, tensor in state.items() if name in names}
    missing = [name for name in own if name not in found and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in names]
    shapes = {
        name: (tuple(tensor.shape), tuple(own[name].shape))
        for name, tensor in found.items()
        if tensor.shape != own[name].shape
    }
    return Fit(found, tuple(missing), tuple(unexpected), shapes)


def _misfit(fit: Fit, own: Mapping[str, Tensor], path: Path, where: str) -> InputError:
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


def few(names: Iterable[str]) -> str:
    """The first few names, and how many more."""
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(repr(name) for name in names[:_NAMED]) + more


def check_values(path: Path, name: str, tensor: Tensor) -> None:
    """Raises InputError for a tensor that is not plain numbers."""
    says = f"{path}: the tensor {name!r}"
    if tensor.is_quantized:
        raise InputError(f"{says} is quantised: save the weights of the float network")
    if tensor.layout != torch.strided or tensor.is_nested:
        raise InputError(f"{says} is sparse or nested: save it with .to_dense()")
    if tensor.is_meta:
        raise InputError(f"{says} lies on the device 'meta' and has no values: save the network after loading it")
    if tensor.is_complex():
        raise InputError(f"{says} holds complex numbers: a network's weights are real")
    if tensor.is_floating_point() and not _finite(tensor):
        raise InputError(f"{says} holds NaN or infinity; the checkpoint is spoilt")


def _finite(tensor: Tensor) -> bool:
    """Whether every value is finite, also of a type of 8 bits, which torch cannot ask."""
    return bool(torch.isfinite(tensor.float() if tensor.element_size() == 1 else tensor).all())


def _converted(path: Path, name: str, tensor: Tensor, own: Tensor) -> Tensor:
    """The tensor in the type of the network's own. Raises InputError where that is no number any more."""
    check_values(path, name, tensor)
    says = f"{path}: the tensor {name!r} is {str(tensor.dtype)[6:]} where the network has {str(own.dtype)[6:]}"
    if own.is_floating_point() and not tensor.is_floating_point():
        raise InputError(f"{says}: it was quantised or is no weight; save the weights of the float network")
    converted = tensor.to(own.dtype)
    if converted.is_floating_point() and not _finite(converted):
        raise InputError(f"{says}, in which it is infinite: give the weights in a wider type")
    return converted
