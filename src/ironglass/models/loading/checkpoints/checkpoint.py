"""Reading a checkpoint of any training script: tensors only, never code."""

from __future__ import annotations

import argparse
import datetime
import pathlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray
from safetensors.torch import load_file
from torch import Tensor

from ironglass.errors import InputError
from ironglass.models.loading.checkpoints.named_classes import named_classes

# The names under which training scripts keep a network's weights, the wanted one first: timm takes the averaged
# weights where there are any, and so do we.
WRAPPINGS = ("state_dict_ema", "model_ema", "ema_state_dict", "state_dict", "model_state_dict", "model", "net")
_MAX_DEPTH = 3
_MAX_EXTRA_BYTES = 64 << 20


def _empty_dict(*_: Any) -> dict[Any, Any]:
    return {}


def _empty_list(*_: Any) -> list[Any]:
    return []


# Plain values that scripts keep beside the weights: building one runs nothing.
_INERT: list[Any] = [
    argparse.Namespace,
    np.ndarray,
    np.dtype,
    *{type(np.dtype(code)) for code in "?bhilqBHILQefdFDUS"},
    *((function, f"numpy.{core}.multiarray.{function.__name__}")
      for core in ("core", "_core") for function in (multiarray.scalar, multiarray._reconstruct)),  # type: ignore[attr-defined]
    *((getattr(pathlib, f"Pure{kind}Path"), f"pathlib{module}.{pure}{kind}Path")
      for kind in ("Posix", "Windows") for pure in ("", "Pure") for module in ("", "._local")),
    datetime.date, datetime.datetime, datetime.timedelta, datetime.timezone,
    # torch's unpickler fills no deque and no defaultdict, also where they are allowed: a list and a dict it does
    (_empty_list, "collections.deque"), (_empty_dict, "collections.defaultdict"),
    int, float, str, list, dict, frozenset, slice, range,
]  # fmt: skip

_OTHER_FILES = (
    (b"\x89HDF", "an HDF5 file, as Keras writes them"),
    (b"GGUF", "a GGUF file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x08", "an ONNX file"),
)


@dataclass(frozen=True)
class Checkpoint:
    """The named tensors of a file.

    path: the file.
    states: every set of named tensors in it, the most wanted first, under the name it is wrapped in ("" for a file that
        is one, "a.b" for one within another).
    classes: the names of its outputs, in their order, where it gives them; see `named_classes`.
    """

    path: Path
    states: Mapping[str, dict[str, Tensor]]
    classes: tuple[str, ...] = ()


def read_checkpoint(path: str | Path) -> Checkpoint:
    """The tensors of a .safetensors file, or of a PyTorch file that holds nothing but plain values.

    A pickle that would run code is refused, and so is an archive that is a network rather than weights. Raises
    InputError, saying what the file is.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no checkpoint at {path}")
    if not path.is_file():
        raise InputError(f"{path} is no file: name the checkpoint in it, or give the folder as the model")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if path.suffix == ".safetensors" or head[8:9] == b"{":
        return Checkpoint(path, {"": _read_safetensors(path)})
    _check_archive(path, head)
    value = _read_pickle(path)
    states = dict(_states(value))
    if not states:
        raise InputError(f"{path} holds no state dict: save model.state_dict()")
    priority = {key: index for index, key in enumerate(WRAPPINGS)}
    ordered = dict(sorted(states.items(), key=lambda item: priority.get(item[0].split(".")[0], 99)))
    return Checkpoint(path, ordered, named_classes(value, ordered.values()))


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except Exception as error:  # a decoder on a stranger's bytes
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is not a readable checkpoint ({error}): it may be truncated; fetch it again")


def _check_archive(path: Path, head: bytes) -> None:
    """Raises InputError for a file that is no checkpoint of PyTorch's, saying what it is."""
    for start, file_type in _OTHER_FILES:
        if head.startswith(start) and (start != b"\x08" or path.suffix == ".onnx"):
            raise InputError(f"{path} is {file_type}, not a checkpoint of PyTorch's: save model.state_dict()")
    if not head.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _unreadable(path, error) from error
    names = [entry.filename.partition("/")[2] for entry in entries]
    advice = f"it is a network with its code rather than weights: name it as the model, with no --weights ({path})"
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        raise InputError(f"{path} is a TorchScript archive: {advice}")
    if "archive_format" in names or any(name.startswith("models/") for name in names):
        raise InputError(f"{path} is an archive of torch.export: {advice}")
    if "data.pkl" not in names:
        raise InputError(f"{path} is a zip archive without PyTorch's data.pkl: save model.state_dict() by torch.save")
    if sum(entry.file_size for entry in entries) > path.stat().st_size + _MAX_EXTRA_BYTES:
        raise InputError(f"{path} unpacks to far more than it holds, which torch.save never writes: it is refused")


def _read_pickle(path: Path) -> Any:
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(_INERT):
            warnings.simplefilter("ignore")  # of the pickle's age and of sparse tensors; what matters raises
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        global_name = re.search(r"GLOBAL (\S+)", str(error))
        detail = re.search(r"WeightsUnpickler error:\s*([^\n.]+)", str(error))
        reason = f"it is not a plain file of tensors{f' ({detail[1]})' if detail else ''}"
        if global_name:
            reason = f"it holds a pickled {global_name[1]}, not only tensors"
        raise InputError(
            f"{path} is refused: {reason}, and could run code when opened; where it was made, save it with"
            " safetensors.torch.save_file(model.state_dict(), ...) or torch.save(model.state_dict(), ...)"
        ) from error
    except Exception as error:  # a decoder on a stranger's bytes
        raise _unreadable(path, error) from error


def _states(value: Any, path: str = "", depth: int = 0) -> list[tuple[str, dict[str, Tensor]]]:
    """Every state dict in the value, with the names of what it lies in."""
    if not isinstance(value, dict):
        return []
    entries = {key: item for key, item in value.items() if isinstance(key, str)}
    inner = []
    for key, item in entries.items() if depth < _MAX_DEPTH else ():
        inner += _states(item, f"{path}.{key}" if path else key, depth + 1)
    tensors = {key: item for key, item in entries.items() if isinstance(item, Tensor)}
    only_tensors = len(tensors) == sum(not str(key).endswith("_extra_state") for key in value)
    if tensors and (only_tensors or not inner):
        return [(path, tensors), *inner]
    return inner
