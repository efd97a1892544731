"""Names of files that compute, Python or exported, which the user alone may name."""

from __future__ import annotations

EXPORTED = (".pt", ".pth", ".ts", ".jit", ".torchscript", ".pt2", ".onnx")
"""Endings of files that hold a network with its weights: TorchScript, torch.export's programs, ONNX."""


def is_code(name: str) -> bool:
    """Returns whether the name is of a file that computes, Python or exported, which the user alone may name."""
    return is_python(name) or is_exported(name)


def is_python(name: str) -> bool:
    """Returns whether the name is of a Python file, with or without a name in it."""
    return ".py:" in name or name.endswith(".py")


def is_exported(name: str) -> bool:
    """Returns whether the name is of a file that holds a network and its weights."""
    return name.lower().endswith(EXPORTED) and not name.startswith(("timm/", "torchvision/", "hf-hub:", "local-dir:"))
