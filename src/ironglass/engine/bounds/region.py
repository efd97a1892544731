"""Balls of images, cut to [0, 1]: the least value of linear functions over them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.types import Images

PIXEL_ROUNDING = 2.0**-24
"""The most by which a pixel of an adversarial image may lie outside the ball, as threats allow for float32."""
BISECTIONS = 40


@dataclass(frozen=True)
class Region:
    """All images in [0, 1] within a distance of each of n images, in float64, a rounding of float32 included.

    centre: the images. low, high: (n, c, h, w), least and largest value of each pixel.
    radius: of the L2 ball, the rounding included; None of a Linf ball, which is the box from `low` to `high`.
    """

    centre: Tensor
    low: Tensor
    high: Tensor
    radius: float | None

    def lower(self, rows: Tensor, owner: Tensor, *, tight: bool = False) -> Tensor:
        """A value (r,) that no image of the region brings rows · image below.

        rows: (r, c, h, w), each for the image at `owner` (r,). tight: the least value itself also where an L2 ball is
        cut by [0, 1], for 40 times the work.
        """
        rows = rows.flatten(1)
        low, high = self.low.flatten(1)[owner], self.high.flatten(1)[owner]
        least = (rows.clamp_min(0) * low + rows.clamp_max(0) * high).sum(1)
        if self.radius is None:
            return least
        centre = self.centre.flatten(1)[owner]
        at_centre, length = (rows * centre).sum(1), rows.norm(dim=1)
        least = torch.maximum(least, at_centre - self.radius * length)
        if tight and self.radius > 0:
            least = torch.maximum(least, at_centre + _dual(rows, low - centre, high - centre, self.radius, length))
        return least


def _dual(rows: Tensor, low: Tensor, high: Tensor, radius: float, length: Tensor) -> Tensor:
    """The least rows · d over ‖d‖₂ ≤ radius, low ≤ d ≤ high, from below: Lagrange's dual at the best multiplier.

    Any multiplier gives a lower bound, so that the search for the best one cannot make it unsound.
    """
    smallest, largest = torch.zeros_like(length), length / (2 * radius)

    def step(multiplier: Tensor) -> Tensor:
        multiplier = multiplier[:, None].clamp_min(torch.finfo(multiplier.dtype).tiny)
        return torch.minimum(torch.maximum(-rows / (2 * multiplier), low), high)

    for _ in range(BISECTIONS):
        middle = (smallest + largest) / 2
        outside = step(middle).square().sum(1) > radius**2
        smallest, largest = torch.where(outside, middle, smallest), torch.where(outside, largest, middle)
    change = step(largest)
    return (rows * change).sum(1) + largest * (change.square().sum(1) - radius**2)


def region_of(images: Images, norm: str, eps: float) -> Region:
    """The region around images (n, c, h, w) in [0, 1]. norm: "linf" or "l2". eps: in units of [0, 1]."""
    centre = images.double()
    if norm == "linf":
        reach, radius = eps + PIXEL_ROUNDING, None
    else:
        reach = eps * (1 + 1e-6) + PIXEL_ROUNDING * math.sqrt(centre[0].numel())
        radius = reach
    return Region(centre, (centre - reach).clamp(0, 1), (centre + reach).clamp(0, 1), radius)
