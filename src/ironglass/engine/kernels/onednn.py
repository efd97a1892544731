"""Convolutions by oneDNN's own call: an activation done on the way, weights laid out beforehand.

torch lays the weights out anew in every call: over many channels and a single small map that takes as long as half the
convolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ironglass.engine.kernels.winograd import pair

FUSED: dict[str | None, tuple[str, tuple[float, ...]]] = {
    None: ("none", ()),
    "relu": ("relu", ()),
    "relu6": ("hardtanh", (0.0, 6.0)),
}
"""oneDNN's names of the activations that it does on the way."""

PIXELS = 56 * 56
"""Of a map, up to which it was measured to pay, on one core. Only for single images: laying the weights out takes as
long as ten passes, and how many images are left in a batch may change from pass to pass."""


def onednn_supports(maps: Tensor) -> bool:
    """Returns whether oneDNN can be called for maps: (n, c, h, w), float32 on the CPU. Never under autocast, nor where
    torch lacks the means, which inductor uses and nothing documents."""
    if maps.ndim != 4 or not maps.is_cpu or maps.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return False
    return AVAILABLE and torch.backends.mkldnn.enabled and maps.numel() > 0


def convolution_and(
    activation: str | None, maps: Tensor, weight: Tensor, bias: Tensor | None, settings: dict[str, Any]
) -> Tensor:
    """A convolution and then an activation, of a name in FUSED, in one pass; channels last. Only where no gradient is
    asked for. NaN becomes finite, unlike with torch's activations.

    weight: may be from `laid_out`. settings: stride, padding, dilation and groups, as `conv2d` takes them, but no
    padding by name.
    """
    name, bounds = FUSED[activation]
    sizes = ([*pair(settings[key])] for key in ("padding", "stride", "dilation"))
    given = maps.contiguous(memory_format=torch.channels_last)
    return torch.ops.mkldnn._convolution_pointwise(
        given, weight, bias, *sizes, settings["groups"], name, list(bounds), ""
    )


def laid_out(weight: Tensor, shape: torch.Size | list[int], settings: dict[str, Any]) -> Tensor:
    """The weight as oneDNN reads it for maps of this shape, and of no others: with weights laid out for another size it
    takes fifty times as long.

    settings: as for `convolution_and`.
    """
    sizes = ([*pair(settings[key])] for key in ("padding", "stride", "dilation"))
    laid = weight.contiguous(memory_format=torch.channels_last).to_mkldnn()
    return torch.ops.aten.mkldnn_reorder_conv2d_weight(laid, *sizes, settings["groups"], list(shape))


def packed_is_faster(maps: Tensor, padding: tuple[int, int]) -> bool:
    """Returns whether a 3 × 3 convolution of maps (n, c, h, w), float32 on the CPU, is faster so. Never under autocast,
    nor where torch lacks the means."""
    if not onednn_supports(maps):
        return False
    height, width = maps.shape[2:]
    fits = height + 2 * padding[0] >= 3 and width + 2 * padding[1] >= 3
    return fits and len(maps) == 1 and height * width <= PIXELS


@dataclass(frozen=True)
class Kernels:
    """A weight (c', c, 3, 3) laid out for the convolution of maps of one shape, and for its transpose.

    padding, stride: by rows and columns.
    left: rows and columns at the end of the maps that no window reaches.
    """

    convolving: Tensor
    transposing: Tensor
    padding: tuple[int, int]
    stride: tuple[int, int]
    left: tuple[int, int]


def pack(weight: Tensor, shape: torch.Size, padding: tuple[int, int], stride: tuple[int, int]) -> Kernels:
    """The weight (c', c, 3, 3) as `packed_convolution` reads it.

    shape: of the maps, and of no others.
    """
    weight = weight.detach()
    settings = {"padding": padding, "stride": stride, "dilation": 1, "groups": 1}
    moves = [(length + 2 * pad - 3) // step for length, pad, step in zip(shape[2:], padding, stride, strict=True)]
    left = [(length + 2 * pad - 3) % step for length, pad, step in zip(shape[2:], padding, stride, strict=True)]
    transposing = torch.ops.mkldnn._reorder_convolution_transpose_weight(
        weight, list(padding), left, list(stride), [1, 1], 1, [shape[0], len(weight), *(move + 1 for move in moves)]
    )
    return Kernels(laid_out(weight, shape, settings), transposing, padding, stride, (left[0], left[1]))


def packed_convolution(maps: Tensor, kernels: Kernels, bias: Tensor | None) -> Tensor:
    """The convolution of maps (n, c, h, w), equal to `conv2d` up to float noise; channels last.

    kernels: from `pack`, for maps of this shape; no gradient goes to them.
    """
    return _Packed.apply(maps, kernels, bias)


class _Packed(torch.autograd.Function):
    """The convolution."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, kernels: Kernels, bias: Tensor | None) -> Tensor:
        ctx.kernels = kernels
        settings = {"padding": kernels.padding, "stride": kernels.stride, "dilation": 1, "groups": 1}
        return convolution_and(None, maps, kernels.convolving, bias, settings)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Transposed.apply(gradients[0], ctx.kernels), None, None


class _Transposed(torch.autograd.Function):
    """The gradient to the maps, which is linear in the gradient to the output; its own is the convolution again."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, kernels: Kernels) -> Tensor:
        ctx.kernels = kernels
        given = gradient.contiguous(memory_format=torch.channels_last)
        sizes = (list(size) for size in (kernels.padding, kernels.left, kernels.stride))
        return torch.ops.mkldnn._convolution_transpose_pointwise(
            given, kernels.transposing, None, *sizes, [1, 1], 1, "none", [], ""
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Packed.apply(gradients[0], ctx.kernels, None), None


def _available() -> bool:
    calls = ("_convolution_pointwise", "_convolution_transpose_pointwise", "_reorder_convolution_transpose_weight")
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.aten, "mkldnn_reorder_conv2d_weight")
        and all(hasattr(torch.ops.mkldnn, call) for call in calls)
    )


AVAILABLE = _available()
