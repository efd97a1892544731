"""One backward pass of a network that somebody else wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.models.memory import is_out_of_memory


def differentiate(score: Tensor, inputs: Tensor | Sequence[Tensor], **options: Any) -> tuple[Tensor | None, ...]:
    """`torch.autograd.grad`; None of an input that the score does not depend on.

    Raises InputError, naming the reason, where a step of the network cannot be differentiated so. Out of memory stays
    what it is.
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
