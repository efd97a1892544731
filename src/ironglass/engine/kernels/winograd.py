"""3 × 3 convolutions in a quarter of the multiplications (Lavin and Gray 2015, arXiv 1509.09308)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.types import Images

OUT, IN = 4, 6
"""Pixels along one side of a tile: of the output, and of the input that it reads."""

MIN_CHANNELS = 128
"""Channels, in and out, from which on the products outweigh the transforms around them."""

MIN_WORK = 6144
"""Tiles times channels below which reading the transformed weights, four times as many, takes longer than the
convolution."""

MAX_VALUES = 2**20
"""Elements of the tiles of one chunk, whose copies then stay in the processor's cache."""

_POINTS = (0.0, 0.625, -0.625, 1.5, -1.5)
"""At these and at infinity products of polynomials are taken; all their powers are exact. Where they lie decides about
float noise (Barabasz et al. 2018, arXiv 1803.10986): with 0, 1, -1, 2 and -2 there is two to four times as much."""


def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Of the input (6, 6), the weights (6, 3) and the output (4, 6), along one side, float64."""
    read, weights = [], []
    for point in _POINTS:
        others = [other for other in _POINTS if other != point]
        read.append(F.pad(_product(others), (0, 1)))
        powers = [point**power for power in range(IN - OUT + 1)]
        weights.append(torch.tensor(powers, dtype=torch.float64) / math.prod(point - other for other in others))
    infinite = torch.eye(IN, dtype=torch.float64)[-1]
    written = [[point**power for point in _POINTS] + [float(power == OUT - 1)] for power in range(OUT)]
    return (
        torch.stack([*read, _product(_POINTS)]),
        torch.stack([*weights, infinite[OUT - 1 :]]),
        torch.tensor(written, dtype=torch.float64),
    )


def _product(roots: Sequence[float]) -> Tensor:
    """The coefficients of the polynomial with these roots and 1 at the highest power, from the constant one on."""
    found = torch.ones(1, dtype=torch.float64)
    for root in roots:
        found = F.pad(found, (1, 0)) - root * F.pad(found, (0, 1))
    return found


_B, _G, _A = _transforms()


def winograd_supports(weight: Tensor, stride: Any, dilation: Any, groups: int) -> bool:
    """Returns whether `winograd` computes such a convolution, and has enough channels to be faster on some maps."""
    simple = groups == 1 and {*pair(stride)} == {*pair(dilation)} == {1} and weight.dtype == torch.float32
    return simple and weight.shape[2:] == (3, 3) and min(weight.shape[:2]) >= MIN_CHANNELS


def winograd_is_faster(maps: Tensor, channels: int, padding: tuple[int, int]) -> bool:
    """Returns whether a convolution of maps (n, c, h, w) to so many channels is faster this way; measured on one core.

    What it saves is the share of multiplications, less for tiles that reach beyond the map and for the transforms.
    Never so for a single (c, h, w), nor under autocast: the transforms need all of float32.
    """
    if maps.ndim != 4 or torch.is_autocast_enabled(maps.device.type):
        return False
    (height, down), (width, across) = _tiles(maps.shape, padding)
    tiles, fewer = down * across, min(maps.shape[1], channels)
    return len(maps) * tiles * fewer >= MIN_WORK and IN * IN * tiles * (1 + 160 / fewer) < 0.7 * 9 * height * width


def pair(value: Any) -> tuple[int, int]:
    """A setting of a convolution, given as one number or as one or two, by rows and columns."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def transformed(weight: Tensor) -> Tensor:
    """The weight (c', c, 3, 3) as `winograd` reads it: (36, c, c')."""
    twice = torch.kron(_G, _G).to(weight.device)
    flat = weight.detach().double().permute(2, 3, 1, 0).reshape(9, -1)
    return (twice @ flat).to(weight.dtype).view(IN * IN, weight.shape[1], weight.shape[0])


def winograd(images: Images, kernel: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    """The convolution of maps (n, c, h, w), in steps of 1, equal to `conv2d` up to float noise; channels last.

    kernel: from `transformed`; no gradient goes to it.
    """
    return _Winograd.apply(images, kernel, bias, padding)


class _Winograd(torch.autograd.Function):
    """The convolution and, for the gradient, its transpose, from the same weights."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, kernel: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.padding, ctx.size = padding, images.shape[2:]
        return _forward(images, kernel, bias, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (kernel,) = ctx.saved_tensors
        return _Transposed.apply(gradients[0], kernel, ctx.padding, ctx.size), None, None, None


class _Transposed(torch.autograd.Function):
    """The gradient to the images, which is linear in the gradient to the output; its own is the convolution again."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, kernel: Tensor, padding: tuple[int, int], size: torch.Size) -> Tensor:
        ctx.save_for_backward(kernel)
        ctx.padding = padding
        return _backward(gradient, kernel, padding, size)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (kernel,) = ctx.saved_tensors
        return _Winograd.apply(gradients[0], kernel, None, ctx.padding), None, None, None


def _forward(images: Tensor, kernel: Tensor, bias: Tensor | None, padding: tuple[int, int]) -> Tensor:
    (height, down), (width, across) = _tiles(images.shape, padding)
    before, after = _sides(images)
    out, last = _empty(images, kernel.shape[2], (height, width))
    for part in _chunks(len(images), down * across, kernel):
        rows = F.pad(images[part].permute(0, 2, 3, 1), (
            0, 0, padding[1], across * OUT + 2 - images.shape[3] - padding[1],
            padding[0], down * OUT + 2 - images.shape[2] - padding[0],
        ))  # fmt: skip
        n, by_row, by_column, by_channel = rows.stride()
        tiles = rows.as_strided(
            (IN, IN, len(rows), down, across, rows.shape[3]),
            (by_row, by_column, n, OUT * by_row, OUT * by_column, by_channel),
        )
        products = torch.bmm(_twice(before, tiles).view(IN * IN, -1, kernel.shape[1]), kernel)
        found = _twice(after, products.view(IN, IN, -1))
        whole = found.view(OUT, OUT, len(rows), down, across, -1).permute(2, 3, 0, 4, 1, 5)
        last[part] = whole.reshape(len(rows), down * OUT, across * OUT, -1)[:, :height, :width]
    if bias is not None:
        last += bias
    return out


def _backward(gradient: Tensor, kernel: Tensor, padding: tuple[int, int], size: torch.Size) -> Tensor:
    """Every step of `_forward` transposed, in the other order."""
    height, width = gradient.shape[2:]
    down, across = -(-height // OUT), -(-width // OUT)
    before, after = _sides(gradient)
    out, last = _empty(gradient, kernel.shape[1], size)
    for part in _chunks(len(gradient), down * across, kernel):
        rows = F.pad(gradient[part].permute(0, 2, 3, 1), (0, 0, 0, across * OUT - width, 0, down * OUT - height))
        tiles = rows.view(len(rows), down, OUT, across, OUT, -1).permute(2, 4, 0, 1, 3, 5)
        read = _twice(after.T, tiles).view(IN * IN, -1, kernel.shape[2])
        products = torch.bmm(read, kernel.transpose(1, 2))
        found = _twice(before.T, products.view(IN, IN, -1))
        found = found.view(IN, IN, len(rows), down, across, -1).permute(2, 3, 0, 4, 1, 5)
        whole = found.new_zeros(len(rows), down + 1, OUT, across + 1, OUT, kernel.shape[1])
        whole[:, :-1, :, :-1] = found[:, :, :OUT, :, :OUT]
        whole[:, 1:, : IN - OUT, :-1] += found[:, :, OUT:, :, :OUT]  # tiles overlap by two pixels
        whole[:, :-1, :, 1:, : IN - OUT] += found[:, :, :OUT, :, OUT:]
        whole[:, 1:, : IN - OUT, 1:, : IN - OUT] += found[:, :, OUT:, :, OUT:]
        flat = whole.view(len(rows), (down + 1) * OUT, (across + 1) * OUT, -1)
        last[part] = flat[:, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
    return out


def _empty(like: Tensor, channels: int, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Maps (n, c, h, w) to be filled, and the same memory as (n, h, w, c), which is how it lies.

    What is given back is the maps themselves: of a view, autograd would not let a network change anything in place.
    """
    shape = (len(like), channels, *size)
    found = torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
    return found, found.permute(0, 2, 3, 1)


def _twice(matrix: Tensor, tiles: Tensor) -> Tensor:
    """The matrix (r, s) along both sides of tiles (s, s, ...): (r, r, x)."""
    r, s = matrix.shape
    once = matrix @ tiles.reshape(s, -1)
    return torch.matmul(matrix, once.view(r, s, -1))


def _tiles(shape: torch.Size, padding: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """By rows and columns: the length of the output, and how many tiles cover it."""
    height, width = (length + 2 * pad - 2 for length, pad in zip(shape[2:], padding, strict=True))
    return (height, -(-height // OUT)), (width, -(-width // OUT))


def _sides(like: Tensor) -> tuple[Tensor, Tensor]:
    return _B.to(like), _A.to(like)


def _chunks(images: int, tiles: int, kernel: Tensor) -> list[slice]:
    step = max(1, MAX_VALUES // (IN * IN * tiles * max(kernel.shape[1:])))
    return [slice(first, first + step) for first in range(0, images, step)]
