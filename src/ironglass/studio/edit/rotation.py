"""Rotation of a picture."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ironglass.errors import InputError
from ironglass.types import Images

MOST_DEGREES = 180


def rotate(images: Images, degrees: float) -> Images:
    """Rotates images (n, c, h, w) in [0, 1] about their centre, counter-clockwise; their size stays.

    Right angles move pixels and change none, where height and width allow it. Any other angle is interpolated
    bilinearly and rounded to whole 255ths, so that a PNG holds exactly what the network sees; what comes from beyond
    the border is the picture mirrored there, since black corners would be evidence of their own.

    degrees: from -180 to 180. Raises InputError for others.
    """
    if not -MOST_DEGREES <= degrees <= MOST_DEGREES:
        raise InputError(f"degrees: give a number from −{MOST_DEGREES} to {MOST_DEGREES}")
    height, width = images.shape[2:]
    quarters, rest = divmod(degrees, 90)
    if rest == 0 and (height == width or quarters % 2 == 0):
        return torch.rot90(images, int(quarters), (2, 3)) if degrees else images
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    # from a pixel of the result to where it comes from, in units of half the width and half the height
    theta = images.new_tensor([[cos, -sin * height / width, 0], [sin * width / height, cos, 0]])
    grid = F.affine_grid(theta.expand(len(images), 2, 3), list(images.shape), align_corners=False)
    rotated = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return rotated.clamp(0, 1).mul(255).round().div(255)
