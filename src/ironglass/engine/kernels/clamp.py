"""In-place activations of two bounds, whose gradient is read off their output: no copy of the input is kept."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def is_clamp(module: nn.Module) -> bool:
    """Returns whether the module is torch's own ReLU6 or Hardtanh."""
    return type(module) in (nn.ReLU6, nn.Hardtanh)


def clamp_in_place(maps: Tensor, low: float, high: float) -> Tensor:
    """The maps, clamped in place; equal to `hardtanh_`, whose backward pass keeps a copy of the input, bit for bit."""
    if not (maps.requires_grad and torch.is_grad_enabled()):
        return maps.clamp_(low, high)
    return Hardtanh.apply(maps, low, high)


class Hardtanh(torch.autograd.Function):
    """Its name and saved bounds in the graph are those of torch's own, by which guided backpropagation goes."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, low: float, high: float) -> Tensor:
        """The clamped maps."""
        ctx.mark_dirty(maps)
        maps.clamp_(low, high)
        ctx.save_for_backward(maps)
        ctx._saved_min_val, ctx._saved_max_val = low, high
        return maps

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """The gradient to the maps."""
        (out,) = ctx.saved_tensors
        # a value lies at a bound if and only if the input lay at it or beyond: no gradient either way
        return torch.ops.aten.hardtanh_backward(gradients[0], out, ctx._saved_min_val, ctx._saved_max_val), None, None
