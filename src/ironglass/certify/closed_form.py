"""The exact robustness of linear networks, in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ironglass.engine.bounds.crown import backwards
from ironglass.engine.bounds.graph import BoundGraph
from ironglass.engine.bounds.interval import interval_bounds
from ironglass.engine.bounds.region import PIXEL_ROUNDING, Region
from ironglass.types import Images, Labels


def linear_radius(graph: BoundGraph, images: Images, labels: Labels, norm: str) -> Tensor:
    """The distance (n,), float64, up to which every image in [0, 1] has its label for a prediction.

    The margin w · x + b over another class is lost where Σ |wᵢ| min(eps, roomᵢ) reaches it under Linf, and under L2 at
    the distance ‖min(t |w|, room)‖₂ where Σ |wᵢ| min(t |wᵢ|, roomᵢ) does; roomᵢ is how far a pixel can go against w
    within [0, 1]. 0 of misread images, inf where no image in [0, 1] is misread. What float32 can be off by rounding is
    subtracted from the margin, so that the true distance is larger by about as much.

    norm: "linf" or "l2".
    """
    everything = torch.zeros_like(images[:1], dtype=torch.float64)
    region = Region(everything + 0.5, everything, everything + 1, None)
    unit = torch.eye(graph.shapes[-1].numel(), dtype=torch.float64, device=images.device)
    owner = torch.zeros(len(unit), dtype=torch.int64, device=images.device)
    linear = backwards(graph, interval_bounds(graph, region), unit, owner, position=len(graph.steps))
    weights, pixels = linear.coefficients.flatten(1), images.double().flatten(1)
    logits = pixels @ weights.T + linear.offset
    reached = [
        _distance(weights, logits[image] - linear.charge, linear.charge, pixels[image], int(labels[image]), norm)
        for image in range(len(images))
    ]
    radius = torch.stack(reached)
    if norm == "linf":
        return (radius - PIXEL_ROUNDING).clamp_min(0)
    return ((radius - PIXEL_ROUNDING * math.sqrt(pixels.shape[1])) / (1 + 1e-6)).clamp_min(0)


def _distance(weights: Tensor, low: Tensor, charge: Tensor, pixels: Tensor, label: int, norm: str) -> Tensor:
    """The least distance at which another class is as high. low: the logits less `charge`, (k,)."""
    others = torch.arange(len(weights), device=weights.device) != label
    rows = weights[label] - weights[others]
    margins = low[label] - low[others] - 2 * charge[others]
    room = torch.where(rows > 0, pixels, 1 - pixels)
    size = rows.abs()
    rate, knot = (size, room) if norm == "linf" else (size.square(), room / size.clamp_min(1e-300))
    knot, order = knot.sort(1)
    rate = rate.gather(1, order)
    # Σ rateᵢ min(t, knotᵢ) at every knot, and the slope to the right of it
    before = torch.cumsum(rate * knot, 1) - rate * knot
    after = rate.flip(1).cumsum(1).flip(1)
    at_knots = before + after * knot
    index = torch.searchsorted(at_knots, margins[:, None])
    lost = index < rate.shape[1]
    index = index.clamp_max(rate.shape[1] - 1)
    time = (margins[:, None] - before.gather(1, index)) / after.gather(1, index).clamp_min(1e-300)
    if norm == "l2":
        time = torch.minimum(time * size, room).norm(dim=1, keepdim=True)
    time = torch.where(margins[:, None] > 0, torch.where(lost, time, math.inf), 0)
    return time.amin()
