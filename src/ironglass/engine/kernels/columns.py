"""3 × 3 convolutions over small maps of many channels, as one matrix product over what each output pixel reads.

On a map of 2 × 2 pixels oneDNN's own take two to four times as long (docs/experiments.md): its blocks run along rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

KERNEL = 3
FEW_PIXELS, FEW_WEIGHTS = 4, 128 * 256
"""Most output pixels, and least product of input and output channels, with a gain at any number of images."""
MORE_PIXELS, MORE_WEIGHTS = 16, 512 * 512
"""The same for larger maps, which take wider layers; measured on one core."""

Setting = tuple[int, int]


def columns_are_faster(maps: Tensor, weight: Tensor, padding: Setting, stride: Setting) -> bool:
    """Returns whether `columns_convolution` is faster than torch's for maps (n, c, h, w) and a weight (c', c, 3, 3)."""
    if maps.ndim != 4 or not maps.is_cpu or maps.dtype != weight.dtype or torch.is_autocast_enabled("cpu"):
        return False
    pixels, weights = _moves(maps.shape, padding, stride), weight.shape[0] * weight.shape[1]
    count = pixels[0] * pixels[1]
    tiny = count <= FEW_PIXELS and weights >= FEW_WEIGHTS
    return min(pixels) > 0 and (tiny or (count <= MORE_PIXELS and weights >= MORE_WEIGHTS))


def columns_convolution(maps: Tensor, weight: Tensor, bias: Tensor | None, padding: Setting, stride: Setting) -> Tensor:
    """The convolution of maps (n, c, h, w), equal to `conv2d` up to float noise; channels last.

    weight: (c', c, 3, 3), best channels-last, which is then not copied; no gradient goes to it.
    """
    return _Columns.apply(maps, weight, bias, padding, stride)


class _Columns(torch.autograd.Function):
    """The convolution and, for the gradient, its transpose."""

    @staticmethod
    def forward(
        ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, padding: Setting, stride: Setting
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.settings, ctx.size = (padding, stride), maps.shape[2:]
        height, width = _moves(maps.shape, padding, stride)
        rows = F.pad(maps.permute(0, 2, 3, 1), (0, 0, padding[1], padding[1], padding[0], padding[0]))
        n, by_row, by_column, by_channel = rows.stride()
        shape = (len(maps), height, width, KERNEL, KERNEL, maps.shape[1])
        strides = (n, stride[0] * by_row, stride[1] * by_column, by_row, by_column, by_channel)
        columns = rows.as_strided(shape, strides).reshape(-1, KERNEL * KERNEL * maps.shape[1])
        matrix = _matrix(weight)
        out = torch.empty(
            (len(maps), len(weight), height, width), dtype=maps.dtype, memory_format=torch.channels_last
        )  # returned itself: autograd forbids in-place changes of a view
        pixels = out.permute(0, 2, 3, 1).view(-1, len(weight))
        if bias is None:
            torch.mm(columns, matrix.T, out=pixels)
        else:
            torch.addmm(bias, columns, matrix.T, out=pixels)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (weight,) = ctx.saved_tensors
        return _Transposed.apply(gradients[0], weight, *ctx.settings, ctx.size), None, None, None, None


class _Transposed(torch.autograd.Function):
    """The gradient to the maps, which is linear in the gradient to the output; its own is the convolution again."""

    @staticmethod
    def forward(
        ctx: Any, gradient: Tensor, weight: Tensor, padding: Setting, stride: Setting, size: Sequence[int]
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.settings = padding, stride
        n, _, height, width = gradient.shape
        products = gradient.permute(0, 2, 3, 1).reshape(-1, len(weight)) @ _matrix(weight)
        columns = products.view(n, height, width, KERNEL, KERNEL, -1)
        padded = columns.new_zeros(n, size[0] + 2 * padding[0], size[1] + 2 * padding[1], weight.shape[1])
        last_row, last_column = stride[0] * (height - 1) + 1, stride[1] * (width - 1) + 1
        for row in range(KERNEL):
            for column in range(KERNEL):
                window = padded[:, row : row + last_row : stride[0], column : column + last_column : stride[1]]
                window += columns[:, :, :, row, column]
        inner = padded[:, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
        return inner.permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (weight,) = ctx.saved_tensors
        return _Columns.apply(gradients[0], weight, None, *ctx.settings), None, None, None, None


def _matrix(weight: Tensor) -> Tensor:
    """The weights of each output channel in a row: (c', 9 · c)."""
    return weight.detach().permute(0, 2, 3, 1).reshape(len(weight), -1)


def _moves(shape: Sequence[int], padding: Setting, stride: Setting) -> tuple[int, int]:
    """Height and width of the output."""
    height, width = (
        (length + 2 * pad - KERNEL) // step + 1 for length, pad, step in zip(shape[2:], padding, stride, strict=True)
    )
    return height, width
