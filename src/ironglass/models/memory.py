"""Memory that has run out, by whatever name the device says so."""

from __future__ import annotations

import torch

NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
)  # torch's words: CUDA and MPS, Linux, Windows


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it was memory that ran out, on an accelerator or on the CPU, for which torch has no type of its own."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
