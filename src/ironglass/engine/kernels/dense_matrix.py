"""A convolution over a map smaller than its kernel, as one matrix product: most of such a kernel lies on padding."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MIN_BATCH = 16
"""Images of a pass below which reading the matrix, or building it, takes longer than the convolution."""


def is_faster_than_conv(conv: nn.Conv2d, given: Tensor, out: Tensor) -> bool:
    """Returns whether the product takes less arithmetic than the convolution, and its matrix at most twice the
    weights."""
    kernel = conv.kernel_size[0] * conv.kernel_size[1]
    reads, writes = given.shape[2] * given.shape[3], out.shape[2] * out.shape[3]
    simple = conv.groups == 1 and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return simple and given.ndim == 4 and reads < kernel and reads * writes <= 2 * kernel


def tiny_map_convolution(conv: nn.Conv2d, built: dict[tuple[int, ...], Tensor]) -> Callable[[Tensor], Tensor]:
    """Computes the convolution with the weights it has now.

    built: the matrices of these weights, by the map's size; a first large batch adds its own.
    """

    def forward(x: Tensor) -> Tensor:
        size = (x.shape[2], x.shape[3])
        if len(x) < MIN_BATCH or not _fits(conv, size):
            return F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation)
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
    """(h · w · c, h' · w' · c'): the weight between each pixel that goes in and each that comes out, 0 for none."""
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
