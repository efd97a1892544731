"""Matching of a checkpoint's tensors to a network by name, with or without those of wrappers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ironglass.models.loading.checkpoints.few import few

# What wraps a network while it is trained, and so stands before the names of its weights: DataParallel and SWA's
# AveragedModel, torch.compile, and the usual attributes of a LightningModule.
WRAPPERS = ("module", "_orig_mod", "model", "network", "backbone", "net")


@dataclass(frozen=True)
class Fit:
    """Assignment of a checkpoint's tensors to a network's.

    state: by the network's own names.
    missing, unexpected: names that one side lacks.
    shapes: names with both shapes, the file's first.
    remarks: what was chosen or left out, a clause each.
    """

    state: Mapping[str, Tensor]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] | None = None
    remarks: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Returns whether every tensor has its place."""
        return not (self.missing or self.unexpected or self.shapes)

    @property
    def misfits(self) -> int:
        """Number of tensors without a counterpart."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes or ())


def fit_names(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Fit:
    """Matches the file's tensors to the network's: as they are named or, only where that does not do, without the names
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
    """Possible prefixes of the network's names in the file: "" and wrappers, the shortest first."""
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
