"""The state of a training run, complete enough to go on bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.loading.save import write_state
from ironglass.run import Run
from ironglass.train.position import Position

STATE, GOOD, MOST_MERIT = "state.safetensors", "good.safetensors", "most-merit.safetensors"
"""Checkpoints: the current position; the end of the last sound epoch, to roll back to; under a watch the end of its
best epoch, to roll back to on an alarm. The latter two are written at the ends of epochs only, never by the clock, so
that a resumed run rolls back to the same state."""


def save_checkpoint(
    run: Run, paths: list[Path], position: Position, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer
) -> None:
    """Writes the position, the modules' tensors and the optimiser's state to each path in turn, each in one step.

    paths: within the run's folder.
    """
    state: dict[str, Tensor] = {}
    for prefix, module in modules.items():
        state |= {f"{prefix}/{name}": tensor for name, tensor in module.state_dict().items()}
    for number, entry in optimiser.state_dict()["state"].items():
        state |= {f"optimiser/{number}/{name}": value for name, value in entry.items() if isinstance(value, Tensor)}
    write_state(state, paths[0], {"position": json.dumps(asdict(position))}, run=run)
    for path in paths[1:]:
        with run.atomic(path) as temporary:
            shutil.copyfile(paths[0], temporary)


def load_checkpoint(
    run: Run, path: Path, modules: dict[str, nn.Module], optimiser_of: Callable[[int], torch.optim.Optimizer]
) -> tuple[Position, torch.optim.Optimizer]:
    """Fills the modules and gives back the position and an optimiser with its state.

    optimiser_of: makes the optimiser of a stage, given the stage's number. Raises InputError where the file is not as
    it was written.
    """
    run.check([path.relative_to(run.path).as_posix()])
    try:
        with safe_open(path, framework="pt") as file:
            position = Position(**json.loads(file.metadata()["position"]))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path} cannot be resumed from ({error}): delete the folder and start again") from error
    for prefix, module in modules.items():
        module.load_state_dict(_under(state, f"{prefix}/"))
    optimiser = optimiser_of(position.stage)
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under(state, "optimiser/").items():
        number, key = name.split("/", 1)
        entries.setdefault(int(number), {})[key] = _laid_out_like(tensor, parameters[int(number)])
    optimiser.load_state_dict({"state": entries, "param_groups": optimiser.state_dict()["param_groups"]})
    return position, optimiser


def _under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _laid_out_like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """The same values in the parameter's memory order, which the optimiser's fast path wants."""
    if tensor.shape != parameter.shape:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype, requires_grad=False).copy_(tensor)
