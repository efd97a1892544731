"""The nearest point within an L1 ball and the box [0, 1] at once."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ironglass.types import Images


def nearest_in_l1(images: Images, points: Images, radius: Float[Tensor, " n"]) -> Images:
    """argmin ‖z − points‖₂ subject to ‖z − images‖₁ ≤ radius and 0 ≤ z ≤ 1, exactly (arXiv 2103.01208, Prop. 2.1).

    zᵢ = xᵢ + sign(wᵢ) · min(max(|wᵢ| − λ, 0), γᵢ),  w = points − x,  γ = the room up to the box in w's direction

    with the smallest λ ≥ 0 at which the changes add up to the radius. Clipping the nearest point of the ball alone
    would waste what the box takes.

    radius: one an image, in units of [0, 1].
    """
    change = (points - images).flatten(1)
    x = images.flatten(1)
    room = torch.where(change > 0, 1 - x, x)
    size, radius = change.abs(), radius.double()
    level = _level(*_changed(size, room), radius)
    # in float64: far points are brought back by the difference of two large numbers
    moved = torch.minimum((size - level).clamp_min(0), room) * change.sign()
    moved = torch.where(torch.minimum(size, room).double().sum(1, keepdim=True) <= radius[:, None], change, moved)
    moved = torch.where(radius[:, None] > 0, moved, 0)  # exactly: rounding would leave a trace of tiny values
    return (images + moved.to(images).view(images.shape)).clamp_(0, 1)


def _changed(size: Tensor, room: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float64, without values that stay in every row: λ does not depend on them, and steps are sparse."""
    count = max(int((size > 0).sum(1).max()), 1)
    if count < size.shape[1]:
        size, columns = size.topk(count, dim=1, sorted=False)
        room = room.gather(1, columns)
    return size.double(), room.double()


def _level(size: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """λ ≥ 0 with Σ min(max(size − λ, 0), room) = radius, a row of (n, d); 0 where the sum is below it at once.

    The sum falls piecewise linearly in λ: each value begins to fall at size − room and is 0 from size on. Between the
    sorted knees it is interpolated.
    """
    begin, end = (size - room).clamp_min(0), size
    total = torch.minimum(size, room).sum(1)
    knees, order = torch.cat([begin, end], 1).sort(dim=1)
    slope_change = torch.cat([-torch.ones_like(begin), torch.ones_like(end)], 1).gather(1, order)
    gaps = torch.diff(knees, dim=1, prepend=torch.zeros_like(knees[:, :1]))
    # the slope on the way to a knee is that of all knees before it
    slope = torch.cumsum(slope_change, 1) - slope_change
    sums = total[:, None] + torch.cumsum(slope * gaps, 1)
    reached = (sums <= radius[:, None]).int().argmax(1, keepdim=True)
    rest = (sums.gather(1, reached) - radius[:, None]) / slope.gather(1, reached).clamp_max(-1)
    level = knees.gather(1, reached) - rest
    return torch.where(total[:, None] <= radius[:, None], 0, level).clamp_min(0)
