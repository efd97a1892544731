"""What size of image a model was made for, known before it is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ironglass.errors import InputError
from ironglass.models.loading.configuration import read_configuration
from ironglass.models.loading.zoo_builder import NETWORKS

EXPORTED = (".pt", ".pth", ".ts", ".jit", ".torchscript", ".pt2", ".onnx")
"""Endings of files that hold a network with its weights: TorchScript, torch.export's programs, ONNX."""


def native_size(name: str) -> tuple[int, int] | None:
    """Height and width in pixels that belong to the named model; None where any will do or the name is unknown."""
    config = Path(name.removeprefix("local-dir:")) / "config.json"
    if config.is_file():
        try:
            return read_configuration(config.parent).size
        except InputError:
            return None  # loading will say what is wrong
    if name.startswith("timm/"):
        import timm

        short = name.removeprefix("timm/")
        found = timm.get_pretrained_cfg(short) if timm.is_model(short) else None
        return tuple(found.input_size[1:]) if found else None  # type: ignore[return-value]
    if name.startswith("torchvision/"):
        from torchvision.models import get_model_weights, list_models

        short = name.removeprefix("torchvision/")
        best: Any = getattr(get_model_weights(short), "DEFAULT", None) if short in list_models() else None
        return (best.transforms().crop_size[0],) * 2 if best else None
    return None


def knows_classes(name: str, *, weighted: bool) -> bool:
    """Whether the named model brings class names of its own; `weighted` says that it comes with weights."""
    if name in NETWORKS or is_code(name):
        return False
    return weighted or not name.startswith(("timm/", "torchvision/"))


def is_code(name: str) -> bool:
    """Whether the name is of a file that computes, Python or exported, which the user alone may name."""
    return ".py:" in name or name.endswith(".py") or is_exported(name)


def is_exported(name: str) -> bool:
    """Whether the name is of a file that holds a network and its weights."""
    return name.lower().endswith(EXPORTED) and not name.startswith(("timm/", "torchvision/", "hf-hub:", "local-dir:"))
