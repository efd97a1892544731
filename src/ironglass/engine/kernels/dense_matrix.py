"""A convolution over a map smaller than its kernel, most of which lies on padding, as one matrix product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

MIN_BATCH = 16
"""Batch size below which reading or building the matrix takes longer than the convolution."""


def is_faster_than_conv(conv: nn.Conv2d, inputs: Tensor, out: Tensor) -> bool:
    """Returns whether the matrix product takes less arithmetic than the convolution, and its matrix at most twice the
    memory of the weights."""
    kernel = conv.kernel_size[0] * conv.kernel_size[1]
    input_pixels, output_pixels = inputs.shape[2] * inputs.shape[3], out.shape[2] * out.shape[3]
    simple = conv.groups == 1 and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return simple and inputs.ndim == 4 and input_pixels < kernel and input_pixels * output_pixels <= 2 * kernel


def tiny_map_convolution(
    conv: nn.Conv2d, built: dict[Any, Any], fallback: Callable[[Tensor], Tensor]
) -> Callable[[Tensor], Tensor]:
    """A function for the convolution with the current weights.

    built: cache of matrices by map size, filled by the first large batch of each size.
    fallback: the function for smaller batches and other maps.
    """

    def forward(x: Tensor) -> Tensor:
        size = (x.shape[2], x.shape[3])
        if len(x) < MIN_BATCH or not _fits(conv, size):
            return fallback(x)
        if size not in built:
            with torch.inference_mode(False), torch.no_grad():
                built[size] = _matrix(conv, size)
        height, width = _out_size(conv, size)
        flat = x.permute(0, 2, 3, 1).reshape(len(x), -1) @ built[size]
        out = flat.view(len(x), height, width, conv.out_channels)
        return (out if conv.bias is None else out + conv.bias).permute(0, 3, 1, 2)

    return forward


def _fits(conv: nn.Conv2d, size: tuple[int, int]) -> bool:
    kernel = conv.kernel_size[0] * conv.kernel_size[1]
    height, width = _out_size(conv, size)
    return size[0] * size[1] < kernel and size[0] * size[1] * height * width <= 2 * kernel


def _out_size(conv: nn.Conv2d, size: tuple[int, int]) -> tuple[int, int]:
    padding: tuple[int, ...] = tuple(int(pad) for pad in conv.padding)
    height, width = (
        (size[axis] + 2 * padding[axis] - conv.dilation[axis] * (conv.kernel_size[axis] - 1) - 1) // conv.stride[axis]
        + 1
        for axis in (0, 1)
    )
    return height, width


def _matrix(conv: nn.Conv2d, size: tuple[int, int]) -> Tensor:
    """The matrix (h · w · c, h' · w' · c') of weights from each input pixel to each output pixel."""
    height, width = _out_size(conv, size)
    matrix = conv.weight.new_zeros(*size, conv.in_channels, height, width, conv.out_channels)
    taps = conv.weight.permute(2, 3, 1, 0)  # (kernel height, kernel width, c, c')
    top, left = (int(pad) for pad in conv.padding)
    for y in range(height):
        for x in range(width):
            for row in range(conv.kernel_size[0]):
                for column in range(conv.kernel_size[1]):
                    from_y = y * conv.stride[0] - top + row * conv.dilation[0]
                    from_x = x * conv.stride[1] - left + column * conv.dilation[1]
                    if 0 <= from_y < size[0] and 0 <= from_x < size[1]:
                        matrix[from_y, from_x, :, y, x] = taps[row, column]
    return matrix.flatten(0, 2).flatten(1)
