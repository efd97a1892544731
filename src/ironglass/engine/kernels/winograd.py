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
"""Least number of input and output channels at which the products outweigh the transforms."""

MIN_WORK = 6144
"""Tiles times channels below which reading the transformed weights, four times as many, takes longer than the
convolution."""

MAX_VALUES = 2**20
"""Elements of the tiles of one chunk, whose copies then stay in the processor's cache."""

_POINTS = (0.0, 0.625, -0.625, 1.5, -1.5)
"""Interpolation points besides infinity; their powers are exact in float32. Their choice determines the float noise
(Barabasz et al. 2018, arXiv 1803.10986): with 0, 1, -1, 2 and -2 it is two to four times as large."""


def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Transforms of the input (6, 6), the weights (6, 3) and the output (4, 6), along one side, float64."""
    input_rows, weights = [], []
    for point in _POINTS:
        other_points = [other for other in _POINTS if other != point]
        input_rows.append(F.pad(_product(other_points), (0, 1)))
        powers = [point**power for power in range(IN - OUT + 1)]
        weights.append(torch.tensor(powers, dtype=torch.float64) / math.prod(point - other for other in other_points))
    infinite = torch.eye(IN, dtype=torch.float64)[-1]
    output_rows = [[point**power for point in _POINTS] + [float(power == OUT - 1)] for power in range(OUT)]
    return (
        torch.stack([*input_rows, _product(_POINTS)]),
        torch.stack([*weights, infinite[OUT - 1 :]]),
        torch.tensor(output_rows, dtype=torch.float64),
    )


def _product(roots: Sequence[float]) -> Tensor:
    """Coefficients of the monic polynomial with these roots, constant term first."""
    coefficients = torch.ones(1, dtype=torch.float64)
    for root in roots:
        coefficients = F.pad(coefficients, (1, 0)) - root * F.pad(coefficients, (0, 1))
    return coefficients


_B, _G, _A = _transforms()


def winograd_supports(weight: Tensor, stride: Any, dilation: Any, groups: int) -> bool:
    """Returns whether `winograd` can compute the convolution, with enough channels for a gain on some maps."""
    simple = groups == 1 and {*pair(stride)} == {*pair(dilation)} == {1} and weight.dtype == torch.float32
    return simple and weight.shape[2:] == (3, 3) and min(weight.shape[:2]) >= MIN_CHANNELS


def winograd_is_faster(maps: Tensor, channels: int, padding: tuple[int, int]) -> bool:
    """Returns whether `winograd` is faster for maps (n, c, h, w) and so many output channels; measured on one core.

    The gain is the saved share of multiplications, less tiles that reach beyond the map and the transforms. Never for a
    single (c, h, w), nor under autocast: the transforms need full float32.
    """
    if maps.ndim != 4 or torch.is_autocast_enabled(maps.device.type):
        return False
    (height, down), (width, across) = _tiles(maps.shape, padding)
    tiles, fewer = down * across, min(maps.shape[1], channels)
    return len(maps) * tiles * fewer >= MIN_WORK and IN * IN * tiles * (1 + 160 / fewer) < 0.7 * 9 * height * width


def pair(value: Any) -> tuple[int, int]:
    """A convolution's setting by rows and columns, from one number or a sequence of one or two."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def transformed(weight: Tensor) -> Tensor:
    """The weight (c', c, 3, 3) transformed for `winograd`: (36, c, c')."""
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
    input_transform, output_transform = _sides(images)
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
        products = torch.bmm(_both_sides(input_transform, tiles).view(IN * IN, -1, kernel.shape[1]), kernel)
        tiles_out = _both_sides(output_transform, products.view(IN, IN, -1))
        maps = tiles_out.view(OUT, OUT, len(rows), down, across, -1).permute(2, 3, 0, 4, 1, 5)
        last[part] = maps.reshape(len(rows), down * OUT, across * OUT, -1)[:, :height, :width]
    if bias is not None:
        last += bias
    return out


def _backward(gradient: Tensor, kernel: Tensor, padding: tuple[int, int], size: torch.Size) -> Tensor:
    """The transpose of `_forward`: each step transposed, in reverse order."""
    height, width = gradient.shape[2:]
    down, across = -(-height // OUT), -(-width // OUT)
    input_transform, output_transform = _sides(gradient)
    out, last = _empty(gradient, kernel.shape[1], size)
    for part in _chunks(len(gradient), down * across, kernel):
        rows = F.pad(gradient[part].permute(0, 2, 3, 1), (0, 0, 0, across * OUT - width, 0, down * OUT - height))
        tiles = rows.view(len(rows), down, OUT, across, OUT, -1).permute(2, 4, 0, 1, 3, 5)
        products_in = _both_sides(output_transform.T, tiles).view(IN * IN, -1, kernel.shape[2])
        products = torch.bmm(products_in, kernel.transpose(1, 2))
        tiles_out = _both_sides(input_transform.T, products.view(IN, IN, -1))
        tiles_out = tiles_out.view(IN, IN, len(rows), down, across, -1).permute(2, 3, 0, 4, 1, 5)
        padded = tiles_out.new_zeros(len(rows), down + 1, OUT, across + 1, OUT, kernel.shape[1])
        padded[:, :-1, :, :-1] = tiles_out[:, :, :OUT, :, :OUT]
        padded[:, 1:, : IN - OUT, :-1] += tiles_out[:, :, OUT:, :, :OUT]  # tiles overlap by two pixels
        padded[:, :-1, :, 1:, : IN - OUT] += tiles_out[:, :, :OUT, :, OUT:]
        padded[:, 1:, : IN - OUT, 1:, : IN - OUT] += tiles_out[:, :, OUT:, :, OUT:]
        flat = padded.view(len(rows), (down + 1) * OUT, (across + 1) * OUT, -1)
        last[part] = flat[:, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
    return out


def _empty(reference: Tensor, channels: int, size: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Uninitialised channels-last maps (n, c, h, w), and a view of the same memory as (n, h, w, c).

    A kernel returns the maps themselves: autograd forbids in-place changes of a view.
    """
    shape = (len(reference), channels, *size)
    maps = torch.empty(shape, dtype=reference.dtype, device=reference.device, memory_format=torch.channels_last)
    return maps, maps.permute(0, 2, 3, 1)


def _both_sides(matrix: Tensor, tiles: Tensor) -> Tensor:
    """The matrix (r, s) along both sides of tiles (s, s, ...): (r, r, x)."""
    r, s = matrix.shape
    once = matrix @ tiles.reshape(s, -1)
    return torch.matmul(matrix, once.view(r, s, -1))


def _tiles(shape: torch.Size, padding: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """By rows and columns: the length of the output, and the number of tiles that cover it."""
    height, width = (length + 2 * pad - 2 for length, pad in zip(shape[2:], padding, strict=True))
    return (height, -(-height // OUT)), (width, -(-width // OUT))


def _sides(reference: Tensor) -> tuple[Tensor, Tensor]:
    return _B.to(reference), _A.to(reference)


def _chunks(images: int, tiles: int, kernel: Tensor) -> list[slice]:
    step = max(1, MAX_VALUES // (IN * IN * tiles * max(kernel.shape[1:])))
    return [slice(first, first + step) for first in range(0, images, step)]
