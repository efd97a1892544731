"""Gaussian noise on the grid of 8-bit images, drawn as whole numbers."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.special import ndtr
from torch import Tensor

from ironglass.errors import InputError
from ironglass.types import Images

GREY_LEVELS = 255
TAIL = 9.0
"""Deviations beyond which nothing is drawn: their probability, 2e-19, is below what 53 bits can say."""
BUCKETS = 2**16
NEAR_GRID = 1e-3
"""The most, in 255ths, by which a float32 pixel of an 8-bit image is off the grid."""


class GridNoise:
    """Whole numbers k with the probability that a Gaussian of deviation 255 σ rounds to k.

    In floating point an image plus noise is rounded by an amount that depends on the image, so that what is drawn can
    betray it, and certificates from such draws can be wrong (Voráček & Hein 2023, arXiv 2207.07209). Here an image is
    a vector of whole numbers, and so is the noise: their sum is exact, and its distribution is that of the image's
    Gaussian, rounded to the grid. Rounding is a step that the smoothed network begins with, so that the certificate of
    the exact Gaussian holds. Draws invert the distribution function on uniform numbers of 53 bits.

    sigma: σ in units of [0, 1].
    """

    def __init__(self, sigma: float) -> None:
        self.spread = math.ceil(TAIL * GREY_LEVELS * sigma)
        edges = (np.arange(-self.spread, self.spread) + 0.5) / (GREY_LEVELS * sigma)
        self._edges = torch.from_numpy(ndtr(edges))
        starts = torch.arange(BUCKETS + 1, dtype=torch.float64) / BUCKETS
        cells = torch.searchsorted(self._edges, starts, right=True)
        # most sixteen-bit prefixes of a uniform number decide the draw; the others are searched
        self._values = (cells[:-1] - self.spread).to(torch.int16)
        self._open = cells[:-1] != cells[1:]

    @property
    def error(self) -> float:
        """Bound on the total variation between the distribution of one draw and the exact one.

        Each of the 2 · spread + 1 probabilities is a difference of two distribution values, of a relative error below
        four units of 2⁻⁵³, cut to whole multiples of 2⁻⁵³.
        """
        return (2 * self.spread + 1) * 2.0**-49

    def draw(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Draws, int16, on the CPU."""
        uniform = torch.rand(math.prod(shape), dtype=torch.float64, generator=generator)
        bucket = (uniform * BUCKETS).int()  # exact, since it is a power of 2
        draws = self._values[bucket]
        open_ones = self._open[bucket].nonzero()[:, 0]
        cells = torch.searchsorted(self._edges, uniform[open_ones], right=True)
        draws[open_ones] = (cells - self.spread).to(torch.int16)
        return draws.view(shape)


def on_grid(images: Images) -> Tensor:
    """Images (n, c, h, w) as whole numbers of 255ths, int16. Raises InputError for images that lie between them."""
    scaled = images.double() * GREY_LEVELS
    levels = scaled.round()
    off = float((scaled - levels).abs().max())
    if off > NEAR_GRID:
        raise InputError(
            f"images have values up to {off:.3g}/255 off the grid of 255ths, and smoothing is sound for 8-bit images "
            "alone: give (255 * images).round() / 255"
        )
    return levels.to(torch.int16)
