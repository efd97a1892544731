"""Convolutions by oneDNN's own call: an activation done on the way, weights laid out beforehand.

torch lays the weights out anew in every call: over many channels and a single small map that takes as long as half the
convolution.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ironglass.models.winograd import pair

FUSED: dict[str | None, tuple[str, tuple[float, ...]]] = {
    None: ("none", ()),
    "relu": ("relu", ()),
    "relu6": ("hardtanh", (0.0, 6.0)),
}
"""oneDNN's names of the activations that it does on the way."""

PIXELS = 256
"""Of a map, up to which it pays; measured on one core. Only for single images: laying the weights out takes as long as
ten passes, and how many images are left in a batch may change from pass to pass."""


def reads(maps: Tensor) -> bool:
    """Whether oneDNN can be called for maps: (n, c, h, w), float32 on the CPU. Never under autocast, nor where torch
    lacks the means, which inductor uses and nothing documents."""
    if maps.ndim != 4 or not maps.is_cpu or maps.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return False
    return AVAILABLE and torch.backends.mkldnn.enabled and maps.numel() > 0


def convolution_and(
    activation: str | None, maps: Tensor, weight: Tensor, bias: Tensor | None, settings: dict[str, Any]
) -> Tensor:
    """A convolution and then an activation, of a name in FUSED, in one pass; channels last. Only where no gradient is
    asked for. What is not a number becomes one, unlike in torch's activations.

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


def packs(maps: Tensor, padding: tuple[int, int]) -> bool:
    """Whether a 3 × 3 convolution in steps of 1 of maps (n, c, h, w), float32 on the CPU, is faster so. Never under
    autocast, nor where torch lacks the means."""
    if not reads(maps):
        return False
    height, width = maps.shape[2:]
    fits = max(padding) <= 2 and height + 2 * padding[0] >= 3 and width + 2 * padding[1] >= 3
    return fits and len(maps) == 1 and height * width <= PIXELS


def pack(weight: Tensor, shape: torch.Size, padding: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The weight (c', c, 3, 3) as `packed_convolution` reads it, for the convolution and for its transpose.

    shape: of the maps, and of no others.
    """
    n, _, height, width = shape
    out = [n, weight.shape[0], height + 2 * padding[0] - 2, width + 2 * padding[1] - 2]
    turned = weight.detach().flip(2, 3).transpose(0, 1)
    return _pack(weight.detach(), list(shape), padding), _pack(turned, out, _turned(padding))


def packed_convolution(
    maps: Tensor, kernels: tuple[Tensor, Tensor], bias: Tensor | None, padding: tuple[int, int]
) -> Tensor:
    """The convolution of maps (n, c, h, w), in steps of 1, equal to `conv2d` up to float noise; channels last.

    kernels: from `pack`, for maps of this shape; no gradient goes to them.
    """
    return _Packed.apply(maps, *kernels, bias, padding)


class _Packed(torch.autograd.Function):
    """The convolution. Its gradient to the maps is the convolution with the other kernel, and so is the gradient's."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, kernel: Tensor, other: Tensor, bias: Tensor | None, padding: tuple[int, int]
    ) -> Tensor:
        ctx.kernels, ctx.padding = (other, kernel), padding
        given = maps.contiguous(memory_format=torch.channels_last)
        return torch.ops.mkldnn._convolution_pointwise(
            given, kernel, bias, list(padding), [1, 1], [1, 1], 1, "none", [], ""
        )

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Packed.apply(gradients[0], *ctx.kernels, None, _turned(ctx.padding)), None, None, None, None


def _turned(padding: tuple[int, int]) -> tuple[int, int]:
    """What the transpose is padded by."""
    return 2 - padding[0], 2 - padding[1]


def _pack(weight: Tensor, shape: list[int], padding: tuple[int, int]) -> Tensor:
    return laid_out(weight, shape, {"padding": padding, "stride": 1, "dilation": 1, "groups": 1})


def _available() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.aten, "mkldnn_reorder_conv2d_weight")
        and hasattr(torch.ops.mkldnn, "_convolution_pointwise")
    )


AVAILABLE = _available()
