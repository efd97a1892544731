"""A backward pass through any network, with its failures as InputError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.models.memory import is_out_of_memory


def differentiate(score: Tensor, inputs: Tensor | Sequence[Tensor], **options: Any) -> tuple[Tensor | None, ...]:
    """`torch.autograd.grad`; None of an input that the score does not depend on.

    Raises InputError, naming the reason, where the network cannot be differentiated. Out-of-memory errors pass
    through.
    """
    try:
        return torch.autograd.grad(score, inputs, allow_unused=True, **options)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        message = (str(error).strip().splitlines() or ["no message"])[0][:240]
        raise InputError(
            f"the network's backward pass fails: {type(error).__name__}: {message}; occlusion and square need none"
        ) from error
