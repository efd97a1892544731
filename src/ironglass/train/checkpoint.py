"""The state of a training run, complete enough to go on bit for bit."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.save import write_state


@dataclass
class Position:
    """Where training stands. Everything random is drawn from the seed and this, so no generator is saved."""

    stage: int = 0
    epoch: int = 0
    """Epochs finished, over all stages."""
    step: int = 0
    """Steps finished in the present epoch."""
    steps: int = 0
    """Steps finished in all."""
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Of the present epoch so far: the loss summed over its images, how many were right, how many were seen."""
    lr: float = 0.0
    """The learning rate of the last step."""
    seconds: float = 0.0
    """Time spent, over all sittings."""
    epoch_seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The history so far."""


def save_checkpoint(
    path: Path, position: Position, modules: dict[str, nn.Module], optimiser: torch.optim.Optimizer
) -> None:
    """Writes the position, the modules' tensors and the optimiser's state in one step."""
    state: dict[str, Tensor] = {}
    for prefix, module in modules.items():
        state |= {f"{prefix}/{name}": tensor for name, tensor in module.state_dict().items()}
    for number, entry in optimiser.state_dict()["state"].items():
        state |= {f"optimiser/{number}/{name}": value for name, value in entry.items() if isinstance(value, Tensor)}
    write_state(state, path, {"position": json.dumps(asdict(position))})


def load_checkpoint(
    path: Path, modules: dict[str, nn.Module], optimiser_of: Any
) -> tuple[Position, torch.optim.Optimizer]:
    """Fills the modules and gives back the position and an optimiser with its state.

    optimiser_of: makes the optimiser of a stage, given the stage's number.
    """
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
