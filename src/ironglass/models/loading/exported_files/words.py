"""Parts of messages on exported files."""

from __future__ import annotations

from typing import Any

from torch import Tensor

EXPORT_ADVICE = (
    "save it by torch.jit.save(torch.jit.script(net)) or torch.export.save, or give file.py:function with --weights"
)
"""The ways to give a network as a file."""


def shapes(values: list[Any]) -> str:
    """The shapes of the tensors."""
    return ", ".join(str(tuple(value.shape)) for value in values if isinstance(value, Tensor))


def first_line(error: BaseException) -> str:
    """The kind of error and its first line, of at most 160 characters."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:160]}"
