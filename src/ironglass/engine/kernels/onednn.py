"""Convolutions by direct oneDNN calls: fused activation, weights packed beforehand.

torch packs the weights in every call: over many channels and a single small map that takes half as long as the
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
"""oneDNN's names and bounds of the activations that it can fuse."""

MAX_PIXELS = 56 * 56
"""Largest map with a measured gain, on one core. Only for single images: packing the weights takes as long as ten
passes, and the batch size may change from pass to pass."""


def onednn_supports(maps: Tensor) -> bool:
    """Returns whether oneDNN can be called for maps: (n, c, h, w), float32 on the CPU. Never under autocast, nor where
    torch lacks these undocumented operators, which inductor uses."""
    if maps.ndim != 4 or not maps.is_cpu or maps.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return False
    return AVAILABLE and torch.backends.mkldnn.enabled and maps.numel() > 0


def convolution_and(
    activation: str | None, maps: Tensor, weight: Tensor, bias: Tensor | None, settings: dict[str, Any]
) -> Tensor:
    """A convolution with a fused activation, of a name in FUSED; channels last. Not differentiable. NaN inputs become
    finite, unlike with torch's activations.

    weight: may be from `laid_out`.
    settings: stride, padding, dilation and groups, as for `conv2d`, but no padding by name.
    """
    name, bounds = FUSED[activation]
    sizes = ([*pair(settings[key])] for key in ("padding", "stride", "dilation"))
    channels_last = maps.contiguous(memory_format=torch.channels_last)
    return torch.ops.mkldnn._convolution_pointwise(
        channels_last, weight, bias, *sizes, settings["groups"], name, list(bounds), ""
    )


def laid_out(weight: Tensor, shape: torch.Size | list[int], settings: dict[str, Any]) -> Tensor:
    """The weight packed by oneDNN for maps of this shape only: with weights packed for another size a convolution takes
    fifty times as long.

    settings: as for `convolution_and`.
    """
    sizes = ([*pair(settings[key])] for key in ("padding", "stride", "dilation"))
    laid = weight.contiguous(memory_format=torch.channels_last).to_mkldnn()
    return torch.ops.aten.mkldnn_reorder_conv2d_weight(laid, *sizes, settings["groups"], list(shape))


def packed_is_faster(maps: Tensor, padding: tuple[int, int]) -> bool:
    """Returns whether `packed_convolution` is faster for a 3 × 3 convolution of maps (n, c, h, w); never where
    `onednn_supports` is False."""
    if not onednn_supports(maps):
        return False
    height, width = maps.shape[2:]
    fits = height + 2 * padding[0] >= 3 and width + 2 * padding[1] >= 3
    return fits and len(maps) == 1 and height * width <= MAX_PIXELS


@dataclass(frozen=True)
class Kernels:
    """A weight (c', c, 3, 3) packed for the convolution of maps of one shape, and for its transpose.

    padding, stride: by rows and columns.
    left: rows and columns at the end of the maps that no window reaches.
    """

    convolving: Tensor
    transposing: Tensor
    padding: tuple[int, int]
    stride: tuple[int, int]
    left: tuple[int, int]


def pack(weight: Tensor, shape: torch.Size, padding: tuple[int, int], stride: tuple[int, int]) -> Kernels:
    """Packs the weight (c', c, 3, 3) for `packed_convolution`.

    shape: of the maps; the result is for no other.
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
        channels_last = gradient.contiguous(memory_format=torch.channels_last)
        sizes = (list(size) for size in (kernels.padding, kernels.left, kernels.stride))
        return torch.ops.mkldnn._convolution_transpose_pointwise(
            channels_last, kernels.transposing, None, *sizes, [1, 1], 1, "none", [], ""
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
