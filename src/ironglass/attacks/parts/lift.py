"""Gradients within a network of half precision, kept from vanishing."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ironglass.types import Images


class Lift:
    """Keeps the gradients within a float16 network from vanishing: each image's is a power of two larger there."""

    def __init__(self) -> None:
        self.power = torch.tensor(1.0)

    def raise_(self, scores: Tensor) -> Tensor:
        """The scores, where the gradient comes in."""
        return _Raised.apply(scores, self)  # pyright: ignore[reportReturnType]

    def lower(self, images: Images) -> Images:
        """The images, where it goes out."""
        return _Lowered.apply(images, self)  # pyright: ignore[reportReturnType]


class _Marked(torch.autograd.Function):
    """The tensor as it is; a kind of it says what becomes of the gradient."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, lift: Lift) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx.lift = lift
        return tensor.view_as(tensor)


class _Raised(_Marked):
    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        largest = gradient.abs().amax(1)
        usable = (largest > 0) & largest.isfinite()
        _, exponent = torch.frexp(torch.where(usable, largest, 1.0))
        ctx.lift.power = exponent.to(gradient.dtype)
        return torch.ldexp(gradient, -ctx.lift.power[:, None]), None


class _Lowered(_Marked):
    @staticmethod
    def backward(ctx: Any, gradient: Images) -> tuple[Images, None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return torch.ldexp(gradient, ctx.lift.power.to(gradient)[:, None, None, None]), None
