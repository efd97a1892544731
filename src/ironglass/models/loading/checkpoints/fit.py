"""Matching of a checkpoint's tensors to a network by name, with or without those of wrappers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from ironglass.models.loading.checkpoints.few import shortened_list

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


def fit_names(expected: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> Fit:
    """Matches the file's tensors to the network's: as they are named or, only where that does not do, without the names
    of wrappers. The first way that fits whole is taken, else the one with the fewest misfits."""
    compiled = {_uncompiled(name): name for name in expected}
    if len(compiled) < len(expected):
        compiled = {name: name for name in expected}
    candidates = [_compare(expected, state, {name: name for name in expected})]
    if not candidates[0].exact:
        uncompiled = {_uncompiled(name): tensor for name, tensor in state.items()}
        candidates += [_stripped(expected, uncompiled, compiled, prefix) for prefix in _prefixes(compiled, uncompiled)]
    return next(
        (candidate for candidate in candidates if candidate.exact),
        min(candidates, key=lambda candidate: candidate.misfits),
    )


def _uncompiled(name: str) -> str:
    """The name without the parts that torch.compile puts in, wherever the compiled module lies."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def _prefixes(expected: Iterable[str], state: Iterable[str]) -> list[str]:
    """Possible prefixes of the network's names in the file: "" and wrappers, the shortest first."""
    anchor = max(expected, key=len, default="")
    ends = {name.removesuffix(anchor) for name in state if name.endswith(anchor)}
    starts = {""}
    for name in [*ends, *list(state)[:1]]:
        parts = name.split(".")
        for count in range(1, len(parts)):
            if parts[count - 1] not in WRAPPERS:
                break
            starts.add(".".join(parts[:count]) + ".")
    return sorted(starts, key=len)


def _stripped(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], names: Mapping[str, str], prefix: str
) -> Fit:
    """The fit of the tensors whose names begin with the prefix; the rest belong to what wrapped the network."""
    inner = {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
    outer = [name for name in state if not name.startswith(prefix) and name != "n_averaged"]
    match = _compare(expected, inner, names)
    remark = (f"{len(outer)} of its tensors lie outside {prefix[:-1]!r} and are left out: {shortened_list(outer)}",)
    return Fit(match.state, match.missing, match.unexpected, match.shapes, remark if outer else ())


def _compare(expected: Mapping[str, Tensor], state: Mapping[str, Tensor], names: Mapping[str, str]) -> Fit:
    """The fit by names; `names` gives the network's own name for each of the file's."""
    tensors = {names[name]: tensor for name, tensor in state.items() if name in names}
    missing = [name for name in expected if name not in tensors and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in names]
    shapes = {
        name: (tuple(tensor.shape), tuple(expected[name].shape))
        for name, tensor in tensors.items()
        if tensor.shape != expected[name].shape
    }
    return Fit(tensors, tuple(missing), tuple(unexpected), shapes)
