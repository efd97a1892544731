"""Loading of a checkpoint's weights into a network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.loading.checkpoints.checkpoint import WRAPPINGS, Checkpoint, read_checkpoint
from ironglass.models.loading.checkpoints.few import shortened_list
from ironglass.models.loading.checkpoints.fit import Fit, fit_names
from ironglass.models.loading.checkpoints.misfit import misfit
from ironglass.models.loading.checkpoints.values import check_values, to_type_of
from ironglass.models.loading.configuration import configuration_beside
from ironglass.run import Run


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The named tensors of a file. Raises InputError where it is no checkpoint or a value is not finite."""
    checkpoint = read_checkpoint(path)
    state = next(iter(checkpoint.states.values()))
    for name, tensor in state.items():
        check_values(checkpoint.path, name, tensor)
    return state


def classes_beside(path: str | Path) -> tuple[str, ...]:
    """The names of its outputs that a checkpoint, or the configuration beside it, gives; () where there are none."""
    saved_config = configuration_beside(Path(path))
    return saved_config.classes if saved_config is not None else read_checkpoint(path).classes


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
    expected = {name: tensor for name, tensor in network.state_dict().items() if isinstance(tensor, Tensor)}
    matches = {key: fit_names(expected, state) for key, state in checkpoint.states.items()}
    key, best = min(matches.items(), key=lambda item: item[1].misfits)
    if not best.exact:
        raise misfit(best, expected, checkpoint.path, key)
    others = [name for name, match in matches.items() if match.exact and name != key]
    if key.split(".")[0] not in ("", *WRAPPINGS) and any(_differ(best, matches[name]) for name in others):
        raise InputError(
            f"{checkpoint.path} holds several sets of weights that fit, {shortened_list([key, *others])}, and which is"
            " meant is ambiguous: save that one alone, as {'state_dict': ...}"
        )
    converted = {name: to_type_of(checkpoint.path, name, tensor, expected[name]) for name, tensor in best.state.items()}
    # of a run folder; only now, since a reason that the file itself shows says more
    Run(checkpoint.path.parent).check([checkpoint.path.name])
    for name, tensor in converted.items():
        expected[name].copy_(tensor)
    remarks = list(best.remarks)
    if others:
        remarks.insert(0, f"the weights under {key!r} are taken, not those under {shortened_list(others)}")
    elif "ema" in key.lower():
        remarks.insert(0, f"the averaged weights under {key!r} are taken")
    return tuple(f"{checkpoint.path}: {remark}" for remark in remarks)


def _differ(first: Fit, second: Fit) -> bool:
    return any(
        not torch.equal(tensor, second.state[name]) for name, tensor in first.state.items() if name in second.state
    )
