"""Bounds of every value of a network, step by step: interval arithmetic with the rounding of float32."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ironglass.engine.bounds.graph import BoundGraph
from ironglass.engine.bounds.operation import Affine
from ironglass.engine.bounds.region import Region


@dataclass
class Bounds:
    """Bounds of the values that the float32 network computes at each position of a graph, for n images.

    lows, highs: (n, ...) a position. slacks: what is charged a value for float32's rounding, and float64's here.
    relaxations: of the operations that are not affine, by position.
    """

    lows: list[Tensor] = field(default_factory=list)
    highs: list[Tensor] = field(default_factory=list)
    slacks: list[Tensor] = field(default_factory=list)
    relaxations: dict[int, Any] = field(default_factory=dict)

    def append(self, low: Tensor, high: Tensor, rounding: Tensor | None = None) -> None:
        """Adds the bounds of the next position, widened by its rounding."""
        size = torch.maximum(low.abs(), high.abs())
        # of float64: sums over all values of a position, each with at most a thousand roundings
        slack = size * (2.0**-52 * (size[0].numel() + 1024))
        slack = slack if rounding is None else slack + rounding
        self.lows.append(low - slack)
        self.highs.append(high + slack)
        self.slacks.append(slack)


Tighten = Callable[[Bounds, int], None]
"""Tightens the bounds of a position that an operation which is not affine reads."""


def interval_bounds(graph: BoundGraph, region: Region, tighten: Tighten | None = None) -> Bounds:
    """Bounds of every position (Gowal et al. 2018, arXiv 1810.12715), valid for the float32 network itself.

    Every operation is charged for the most that float32 can be off by rounding, on the largest values it can read
    (`rounding_of_sum`), so that errors of earlier operations lie within the bounds of later ones. Of an L2 ball the
    first layer with weights has its exact radius, the norm of each row of its weights.

    tighten: called for each position before an operation that is not affine reads it.
    """
    bounds = Bounds()
    bounds.append(region.low, region.high)
    # L2 balls, stretched along the axes: the centre and the stretch of each value
    balls: dict[int, tuple[Tensor, Tensor]] = {}
    if region.radius is not None:
        balls[0] = region.centre, torch.full_like(region.centre[:1], region.radius)
    for position, step in enumerate(graph.steps, start=1):
        operation, inputs = step.operation, step.inputs
        if not operation.is_affine and tighten is not None:
            for source in set(inputs):
                tighten(bounds, source)
        lows, highs = ([part[source] for source in inputs] for part in (bounds.lows, bounds.highs))
        sizes = [torch.maximum(low.abs(), high.abs()) for low, high in zip(lows, highs, strict=True)]
        low, high = operation.interval(lows, highs)
        if inputs[0] in balls and len(inputs) == 1 and isinstance(operation, Affine) and operation.squared is not None:
            centre, stretch = balls[inputs[0]]
            centre, radius = operation.forward([centre]), operation.squared(stretch.square()).sqrt()
            low, high = torch.maximum(low, centre - radius), torch.minimum(high, centre + radius)
            if operation.is_diagonal:
                balls[position] = centre, radius
        if not operation.is_affine:
            bounds.relaxations[position] = operation.relax(lows, highs)
        bounds.append(low, high, operation.rounding(sizes))
    return bounds
