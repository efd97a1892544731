"""Reading weights: tensors only, never code."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ironglass.errors import InputError


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The named tensors in a .safetensors file, or in a PyTorch file that holds nothing but tensors.

    A pickle that would run code is refused. Raises InputError also for a file that is no checkpoint, and for one with
    a value that is not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"there is no checkpoint at {path}")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else _read_pickle(path)
    except (safetensors.SafetensorError, OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path} is not a readable checkpoint ({error}): it may be truncated; fetch it again"
        ) from error
    for name, tensor in state.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise InputError(f"{path}: the tensor {name!r} holds NaN or infinity; the checkpoint is spoilt")
    return state


def _read_pickle(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's age; what matters raises
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is refused: it is not a plain file of tensors and could run code when opened; save it with"
            " safetensors.torch.save_file(model.state_dict(), ...)"
        ) from error
    for key in ("state_dict", "model"):  # the usual wrappings of training scripts
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path} holds no state dict: save model.state_dict()")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}


def load_state(network: nn.Module, state: dict[str, Tensor], source: str | Path) -> None:
    """Copies `state` into the network. Raises InputError where a name or a shape does not match."""
    own = network.state_dict()
    for name, tensor in own.items():
        if name not in state:
            raise InputError(f"{source} lacks the tensor {name!r}: it belongs to another network")
        if state[name].shape != tensor.shape:
            found, wanted = tuple(state[name].shape), tuple(tensor.shape)
            raise InputError(f"{source}: {name!r} has shape {found} where the network has {wanted}")
    if unknown := [name for name in state if name not in own]:
        raise InputError(
            f"{source} has the tensor {unknown[0]!r}, which the network lacks: it belongs to another network"
        )
    network.load_state_dict(state)
