"""Activations made of straight and parabolic pieces, between their best linear bounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.engine.bounds.operation import DOUBLE, SAFETY, UNIT, Operation

STEEPEST = 2.0
"""Slopes tried are cut to ±2, as none of the activations is steeper: between near ends a chord is rounding alone."""


class Lines(NamedTuple):
    """Linear functions below and above an activation: slopes and offsets, (n, ...) each."""

    low_slope: Tensor
    low_offset: Tensor
    high_slope: Tensor
    high_offset: Tensor


class Activation(Operation):
    """A continuous function of each value that is linear or quadratic between its kinks.

    function: in float64.
    kinks: where the pieces meet.
    slopes: those that lines may have besides chords.
    vertex: from slopes to the values at which the quadratic piece has them, or None.
    roundings: roundings of float32 in one value, each of at most 1 more than the input's size.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        kinks: Sequence[float],
        slopes: Sequence[float] = (0.0, 1.0),
        *,
        vertex: Callable[[Tensor], Tensor] | None = None,
        roundings: int = 0,
    ) -> None:
        self.function, self.kinks, self.slopes = function, tuple(kinks), tuple(slopes)
        self.vertex, self.roundings = vertex, roundings

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """The function of each value."""
        return self.function(inputs[0])

    def interval(self, lows: Sequence[Tensor], highs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Its extremes, which lie at the ends, at kinks or at the vertex."""
        return self._extremes(torch.zeros_like(lows[0]), lows[0], highs[0])

    def rounding(self, sizes: Sequence[Tensor]) -> Tensor:
        """Float32's roundings of one value; DOUBLE for the lines, computed in float64."""
        return (sizes[0] + 1) * (SAFETY * self.roundings * UNIT) + sizes[0] * DOUBLE

    def relax(self, lows: Sequence[Tensor], highs: Sequence[Tensor]) -> Lines:
        """Of the lines with the slopes tried, those that are closest in the middle of the interval.

        Every line's offset is the extreme of the function less the line, so that any slope is sound. For ReLU this is
        CROWN's adaptive choice (Zhang et al. 2018, arXiv 1811.00866).
        """
        low, high = lows[0], highs[0]
        middle = (low + high) / 2
        best: list[Tensor] = []
        for slope in self._slopes(low, high):
            below, above = self._extremes(slope, low, high)
            at_low, at_high = slope * middle + below, slope * middle + above
            if not best:
                best = [slope, below, at_low, slope, above, at_high]
                continue
            for start, better, values in (
                (0, at_low > best[2], (slope, below, at_low)),
                (3, at_high < best[5], (slope, above, at_high)),
            ):
                best[start : start + 3] = [
                    torch.where(better, value, former)
                    for value, former in zip(values, best[start : start + 3], strict=True)
                ]
        return Lines(best[0], best[1], best[3], best[4])

    def backward(self, rows: Tensor, relaxation: Any, owner: Tensor) -> tuple[list[Tensor], Tensor]:
        """The lower line where a coefficient is positive, the upper one where it is negative."""
        lines: Lines = relaxation
        positive, negative = rows.clamp_min(0), rows.clamp_max(0)
        offsets = positive * lines.low_offset[owner] + negative * lines.high_offset[owner]
        coefficients = positive * lines.low_slope[owner] + negative * lines.high_slope[owner]
        return [coefficients], offsets.flatten(1).sum(1)

    def undecided(self, low: Tensor, high: Tensor) -> Tensor:
        """Flags of the intervals on which the function is not one line."""
        if self.vertex is not None:
            return (low < self.kinks[-1]) & (high > self.kinks[0])
        return torch.stack([(low < kink) & (kink < high) for kink in self.kinks]).any(0)

    def _slopes(self, low: Tensor, high: Tensor) -> list[Tensor]:
        """Slopes of the lines that are tried: fixed ones, the chord's, and those from kinks to the ends."""
        at_low, at_high = self.function(low), self.function(high)
        candidates = [torch.full_like(low, slope) for slope in self.slopes]
        candidates.append(_slope(low, at_low, high, at_high))
        if len(self.kinks) > 1:
            for kink in self.kinks:
                position = torch.full_like(low, kink).clamp(low, high)
                at_kink = self.function(position)
                candidates += [_slope(low, at_low, position, at_kink), _slope(position, at_kink, high, at_high)]
        return candidates

    def _extremes(self, slope: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Least and largest value of the function less slope · x."""
        positions = [low, high, *(torch.full_like(low, kink).clamp(low, high) for kink in self.kinks)]
        if self.vertex is not None:
            positions.append(self.vertex(slope).clamp(low, high))
        values = [self.function(position) - slope * position for position in positions]
        least, largest = values[0], values[0]
        for value in values[1:]:
            least, largest = torch.minimum(least, value), torch.maximum(largest, value)
        return least, largest


def _slope(left: Tensor, at_left: Tensor, right: Tensor, at_right: Tensor) -> Tensor:
    width = right - left
    slope = (at_right - at_left) / torch.where(width > 0, width, 1)
    return slope.clamp(-STEEPEST, STEEPEST)


def relu() -> Activation:
    """max(x, 0)."""
    return Activation(lambda x: x.clamp_min(0), (0.0,))


def leaky_relu(slope: float) -> Activation:
    """x where it is positive, slope · x where it is negative."""
    return Activation(lambda x: F.leaky_relu(x, slope), (0.0,), (slope, 1.0), roundings=2)


def clamp(low: float, high: float) -> Activation:
    """x cut to between low and high: hardtanh, ReLU6."""
    return Activation(lambda x: x.clamp(low, high), (low, high))


def hard_swish() -> Activation:
    """x · min(max(x + 3, 0), 6) / 6: a parabola between -3 and 3."""
    return Activation(
        lambda x: x * (x + 3).clamp(0, 6) / 6, (-3.0, 3.0), (0.0, 1.0, 0.5), vertex=lambda k: 3 * k - 1.5, roundings=16
    )


def hard_sigmoid() -> Activation:
    """min(max(x / 6 + 1/2, 0), 1)."""
    return Activation(lambda x: (x / 6 + 0.5).clamp(0, 1), (-3.0, 3.0), (0.0, 1 / 6), roundings=4)
