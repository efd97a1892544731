"""Balls of a radius of their own around each image, as attacks need them that look for the smallest change."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ironglass.attacks.parts.geometry.hyperplane import is_linf
from ironglass.attacks.parts.l1_ball import nearest_in_l1
from ironglass.attacks.parts.threat import L1, Threat
from ironglass.types import Images


def project_each(images: Images, points: Images, radius: Float[Tensor, " n"], threat: Threat) -> Images:
    """`points` brought into the ball of the threat's norm with each image's own radius, and into [0, 1].

    radius: (n,), in units of [0, 1]; ∞ for none. The threat's eps is not used.
    """
    if isinstance(threat, L1):
        return nearest_in_l1(images, points, radius)
    radius = radius[:, None, None, None]
    if is_linf(threat):
        return torch.clamp(points, images - radius, images + radius).clamp_(0, 1)
    change = points - images
    length = torch.linalg.vector_norm(change, dim=(1, 2, 3), keepdim=True)
    factor = (radius / length.clamp_min(torch.finfo(change.dtype).tiny)).clamp_max(1)
    return (images + change * factor).clamp_(0, 1)


def cosine(first: float, last: float, share: float) -> float:
    """From `first` at share 0 to `last` at share 1, along half a cosine wave."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
