"""CROWN: linear bounds of any value of a network, from there backwards to the image."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ironglass.engine.bounds.activation import Activation
from ironglass.engine.bounds.graph import BoundGraph
from ironglass.engine.bounds.interval import Bounds, Tighten, interval_bounds
from ironglass.engine.bounds.largest import Largest
from ironglass.engine.bounds.region import Region

MEMORY = 2**28
"""Bytes that the coefficients of the rows computed at once may take, at their widest position."""


class Linear(NamedTuple):
    """A linear lower bound of rows at the image: coefficients · image + offset - charge.

    coefficients: (r, c, h, w). offset: (r,). charge: (r,), what rounding is charged on the way, which is at least 0.
    """

    coefficients: Tensor
    offset: Tensor
    charge: Tensor


def backwards(
    graph: BoundGraph, bounds: Bounds, rows: Tensor, owner: Tensor, *, position: int, affine_only: bool = False
) -> Linear:
    """The linear lower bound of rows (r, ...) · value at a position, for the images at `owner` (r,), see
    `lower_bounds`."""
    pending = {position: rows}
    offset, charge = rows.new_zeros(len(rows)), rows.new_zeros(len(rows))
    for at in range(position, 0, -1):
        if (coefficients := pending.pop(at, None)) is None:
            continue
        step = graph.steps[at - 1]
        if affine_only and not step.operation.is_affine:
            low, high = bounds.lows[at][owner], bounds.highs[at][owner]
            offset += (coefficients.clamp_min(0) * low + coefficients.clamp_max(0) * high).flatten(1).sum(1)
            continue
        charge += (coefficients.abs() * bounds.slacks[at][owner]).flatten(1).sum(1)
        parts, offsets = step.operation.backward(coefficients, bounds.relaxations.get(at), owner)
        offset += offsets
        for source, part in zip(step.inputs, parts, strict=True):
            pending[source] = pending[source] + part if source in pending else part
    coefficients = pending[0] if 0 in pending else rows.new_zeros((len(rows), *graph.shapes[0]))
    charge += (coefficients.abs() * bounds.slacks[0][owner]).flatten(1).sum(1)
    return Linear(coefficients, offset, charge)


def lower_bounds(
    graph: BoundGraph,
    bounds: Bounds,
    region: Region,
    rows: Tensor,
    owner: Tensor,
    *,
    position: int | None = None,
    affine_only: bool = False,
    tight: bool = False,
) -> Tensor:
    """Lower bounds (r,) of rows · value (Zhang et al. 2018, arXiv 1811.00866).

    At every operation the coefficients are charged for float32's rounding there, so that the bound is valid for what
    the float32 network computes.

    rows: (r, ...), coefficients of the value at `position` (the logits' by default), for the images at `owner` (r,).
    affine_only: stop at the last operations that are not affine, whose outputs have their intervals.
    tight: see `Region.lower`.
    """
    position = len(graph.steps) if position is None else position
    linear = backwards(graph, bounds, rows, owner, position=position, affine_only=affine_only)
    return linear.offset - linear.charge + region.lower(linear.coefficients, owner, tight=tight)


def crown_bounds(graph: BoundGraph, region: Region) -> Bounds:
    """Bounds of every position, those before an activation tightened by CROWN where they decide anything."""
    return interval_bounds(graph, region, _tighten(graph, region))


def _tighten(graph: BoundGraph, region: Region) -> Tighten:
    done: set[int] = set()

    def tighten(bounds: Bounds, position: int) -> None:
        if position in done or not _is_read_from_affine(graph, position):
            return
        done.add(position)
        low, high = bounds.lows[position], bounds.highs[position]
        images, elements = _undecided(graph, bounds, position).flatten(1).nonzero(as_tuple=True)
        flat_low, flat_high = low.flatten(1), high.flatten(1)
        for chunk in torch.arange(len(images), device=low.device).split(rows_at_once(graph) // 2 or 1):
            owner, index = images[chunk], elements[chunk]
            rows = flat_low.new_zeros((2 * len(chunk), flat_low.shape[1]))
            signs = torch.cat([torch.ones_like(owner), -torch.ones_like(owner)]).double()
            rows.scatter_(1, index.repeat(2)[:, None], signs[:, None])
            least = lower_bounds(
                graph, bounds, region, rows.view(-1, *low.shape[1:]), owner.repeat(2), position=position
            )
            lower, upper = least[: len(chunk)], -least[len(chunk) :]
            flat_low[owner, index] = torch.maximum(flat_low[owner, index], lower)
            flat_high[owner, index] = torch.minimum(flat_high[owner, index], upper)
        bounds.lows[position], bounds.highs[position] = flat_low.view_as(low), flat_high.view_as(high)

    return tighten


def rows_at_once(graph: BoundGraph) -> int:
    """The number of rows whose coefficients fit `MEMORY` at the graph's widest position."""
    return max(1, MEMORY // (8 * max(shape.numel() for shape in graph.shapes)))


def undecided_values(graph: BoundGraph, bounds: Bounds) -> int:
    """The number of values that CROWN would tighten, of all images together."""
    sources = {source for step in graph.steps if not step.operation.is_affine for source in step.inputs}
    return sum(
        int(_undecided(graph, bounds, source).sum()) for source in sources if _is_read_from_affine(graph, source)
    )


def _is_read_from_affine(graph: BoundGraph, position: int) -> bool:
    """Returns whether a position is the output of an affine operation: others pass on the bounds of their input."""
    return position > 0 and graph.steps[position - 1].operation.is_affine


def _undecided(graph: BoundGraph, bounds: Bounds, position: int) -> Tensor:
    """Flags of the values at a position on whose bounds the relaxation of what reads them depends."""
    low, high = bounds.lows[position], bounds.highs[position]
    undecided = torch.zeros_like(low, dtype=torch.bool)
    for step in graph.steps:
        if position in step.inputs and isinstance(step.operation, Activation | Largest):
            undecided |= step.operation.undecided(low, high)
    return undecided
