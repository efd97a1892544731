"""The largest of several values: max-pooling of any kernel, stride and padding, and maxout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.engine.bounds.operation import DOUBLE, Operation


class Planes(NamedTuple):
    """Linear functions below and above each maximum, of one value each.

    low: position of the value that bounds it from below, int64 (n, outputs).
    high: position of the value of the upper function, int64 (n, outputs), with its slope and offset.
    """

    low: Tensor
    high: Tensor
    slope: Tensor
    offset: Tensor


class Largest(Operation):
    """The largest value of each window.

    shape: of the input, without the batch. windows: int64 (outputs, k), positions in the flat input; -1 for padding.
    out: shape of the output, without the batch.
    """

    def __init__(self, shape: torch.Size, windows: Tensor, out: torch.Size) -> None:
        self.shape, self.out = shape, out
        self.windows, self.padding = windows.clamp_min(0), windows < 0

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The maxima."""
        return self._in_windows(inputs[0]).amax(2).view(-1, *self.out)

    def interval(self, lows: Sequence[Tensor], highs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Maxima of the ends."""
        return self.forward(lows), self.forward(highs)

    def rounding(self, sizes: Sequence[Tensor]) -> Tensor:
        """DOUBLE, for the planes: a maximum is exact."""
        return self.forward(sizes) * DOUBLE

    def relax(self, lows: Sequence[Tensor], highs: Sequence[Tensor]) -> Planes:
        """Below: the value with the largest lower end. Above: γ + slope · (x - low) of the value x whose upper end is
        largest, γ the larger of all lower ends and all other upper ends.

        γ is no smaller than any other value, and the line runs from γ at x's lower end to x's upper end, above x.
        """
        low, high = self._in_windows(lows[0]), self._in_windows(highs[0])
        floor, below = low.max(2)
        ceiling, above = high.max(2)
        others = high.scatter(2, above[..., None], -torch.inf).amax(2)
        level = torch.maximum(floor, others)
        start = low.gather(2, above[..., None])[..., 0]
        width = ceiling - start
        # not above the upper end: then the value may be anything up to it, and the line is level
        slope = torch.where(width > 0, ((ceiling - level) / torch.where(width > 0, width, 1)).clamp(0, 1), 0)
        # the value is exact where no other can be larger
        alone = others <= start
        slope = torch.where(alone, 1, slope)
        offset = torch.where(alone, 0, level - slope * start)
        return Planes(self._position(below), self._position(above), slope, offset)

    def backward(self, rows: Tensor, relaxation: Any, owner: Tensor) -> tuple[list[Tensor], Tensor]:
        """Positive coefficients go to the lower plane's value, negative ones to the upper plane's."""
        planes: Planes = relaxation
        flat = rows.flatten(1)
        positive, negative = flat.clamp_min(0), flat.clamp_max(0)
        coefficients = flat.new_zeros((len(rows), self.shape.numel()))
        coefficients.scatter_add_(1, planes.low[owner], positive)
        coefficients.scatter_add_(1, planes.high[owner], negative * planes.slope[owner])
        return [coefficients.view(-1, *self.shape)], (negative * planes.offset[owner]).sum(1)

    def undecided(self, low: Tensor, high: Tensor) -> Tensor:
        """Flags of the values that may be the largest of a window where another may be, too."""
        lows, highs = self._in_windows(low), self._in_windows(high)
        rivals = highs > lows.amax(2, keepdim=True)
        rivals &= rivals.sum(2, keepdim=True) > 1
        counts = torch.zeros_like(low.flatten(1)).index_add_(1, self.windows.flatten(), rivals.flatten(1).to(low))
        return (counts > 0).view_as(low)

    def _in_windows(self, values: Tensor) -> Tensor:
        """(n, outputs, k), -inf for padding."""
        return values.flatten(1)[:, self.windows].masked_fill(self.padding, -torch.inf)

    def _position(self, within: Tensor) -> Tensor:
        """Positions in the flat input of choices within the windows, int64 (n, outputs)."""
        return self.windows.expand(len(within), -1, -1).gather(2, within[..., None])[..., 0]


def max_pool(sample: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Largest:
    """Max-pooling of maps (1, c, h, w), as torch's."""
    (kh, kw), (ph, pw), (dh, dw) = _pair(kernel), _pair(padding), _pair(dilation)
    sh, sw = _pair(kernel if stride in (None, [], ()) else stride)
    out = F.max_pool2d(sample, (kh, kw), (sh, sw), (ph, pw), (dh, dw), ceil_mode).shape[1:]
    channels, height, width = sample.shape[1:]
    rows = torch.arange(out[1])[:, None] * sh - ph + torch.arange(kh) * dh
    columns = torch.arange(out[2])[:, None] * sw - pw + torch.arange(kw) * dw
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[None, :, None, :]
    plane = (rows[:, None, :, None] * width + columns[None, :, None, :]).masked_fill(~inside, -1)
    plane = plane.reshape(1, out[1] * out[2], kh * kw).expand(channels, -1, -1)
    shift = torch.arange(channels)[:, None, None] * (height * width)
    windows = torch.where(plane < 0, plane, plane + shift).reshape(-1, kh * kw)
    return Largest(sample.shape[1:], windows.to(sample.device), out)


def largest_along(sample: Tensor, axes: Sequence[int], keepdim: bool) -> Largest:
    """Maxima along axes of values (1, ...), the batch not among them."""
    positions = torch.arange(sample.numel(), device=sample.device).view(sample.shape)
    out = sample.amax(tuple(axes), keepdim).shape[1:]
    others = [axis for axis in range(sample.ndim) if axis not in axes]
    windows = positions.permute(*others, *axes).reshape(out.numel(), -1)
    return Largest(sample.shape[1:], windows, out)


def _pair(value: Any) -> tuple[int, int]:
    values = tuple(value) if isinstance(value, tuple | list | torch.Size) else (value,)
    return (values[0], values[-1])
