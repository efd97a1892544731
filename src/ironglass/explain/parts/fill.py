"""Fills for hidden patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.types import Images

Fill: TypeAlias = str | float | Tensor

LEVELS = {"grey": 0.5, "black": 0.0, "white": 1.0}


def fill_images(fill: Fill, images: Images, mean: Tensor | Sequence[float] | None = None) -> Images:
    """Images (n, c, h, w) in [0, 1] whose pixels replace the hidden ones of `images`.

    fill: "grey" (0.5), "black", "white", "mean" (the colour `mean`, one number a channel), "blur" (each image itself
    under `blur`), a number, or a tensor that broadcasts to the images. Raises InputError for anything else.
    """
    if isinstance(fill, str) and fill == "blur":
        return blur(images)
    if isinstance(fill, str) and fill == "mean":
        if mean is None:
            raise InputError("fill 'mean' needs the data's mean colour: give mean, one number a channel")
        level = torch.as_tensor(mean, dtype=images.dtype, device=images.device).reshape(-1, 1, 1)
        if len(level) not in (1, images.shape[1]):
            raise InputError(f"mean has {len(level)} channels and the images {images.shape[1]}")
    elif isinstance(fill, str):
        if fill not in LEVELS:
            raise InputError(f"there is no fill {fill!r}: choose from {', '.join(LEVELS)}, mean, blur or a number")
        level = torch.tensor(LEVELS[fill])
    else:
        level = torch.as_tensor(fill)
    level = level.to(images.device, images.dtype)
    if not (level.min() >= 0 and level.max() <= 1):
        raise InputError(f"the fill ranges from {level.min():.4g} to {level.max():.4g}: give it in [0, 1]")
    try:
        return level.expand_as(images)
    except RuntimeError as error:
        raise InputError(f"a fill {tuple(level.shape)} does not broadcast to images {tuple(images.shape)}") from error


def blur(images: Images) -> Images:
    """Gaussian blur, sigma a sixteenth of the shorter side, mirrored at the border: colours stay, detail goes."""
    shorter = min(images.shape[2:])
    sigma = shorter / 16
    radius = min(math.ceil(3 * sigma), shorter - 1)
    offsets = torch.arange(-radius, radius + 1, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(images.shape[1], 1, 1, -1)
    padded = F.pad(images, (radius,) * 4, mode="reflect")
    across = F.conv2d(padded, kernel, groups=images.shape[1])
    return F.conv2d(across, kernel.mT, groups=images.shape[1]).clamp(0, 1)
