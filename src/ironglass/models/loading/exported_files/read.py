"""Reading of an exported file by its contents: TorchScript, a program of torch.export, or ONNX."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import torch
from torch import nn

from ironglass.errors import InputError
from ironglass.models.loading.exported_files.batches import InputSpec
from ironglass.models.loading.exported_files.onnx_network import read_onnx
from ironglass.models.loading.exported_files.program import read_program
from ironglass.models.loading.exported_files.words import EXPORT_ADVICE, first_line


def read_exported(path: Path) -> tuple[nn.Module, InputSpec]:
    """The network in the file, and what it takes. Raises InputError where there is none."""
    if not path.is_file():
        raise InputError(f"there is no model at {path}")
    return {"script": _script, "program": read_program, "onnx": read_onnx}[_kind(path)](path)


def _kind(path: Path) -> str:
    """Kind of the file, by its contents. Raises InputError for what is no network."""
    if path.suffix.lower() == ".onnx":
        return "onnx"
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {name.partition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(
            f"{path} is no TorchScript and no exported program, or damaged: {error}; weights alone are no network:"
            f" {EXPORT_ADVICE}"
        ) from error
    if "constants.pkl" in entries:
        return "script"
    if "archive_format" in entries or "models/model.json" in entries:
        return "program"
    raise InputError(
        f"{path} holds weights or a pickled module, which names code elsewhere, and no network: {EXPORT_ADVICE}"
    )


def _script(path: Path) -> tuple[nn.Module, InputSpec]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is on its way out is no news of this file
            return torch.jit.load(path, map_location="cpu").eval(), InputSpec()
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as TorchScript: {first_line(error)}") from error
