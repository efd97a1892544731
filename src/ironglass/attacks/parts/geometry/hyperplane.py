"""The smallest change of an image, within [0, 1], that reaches a hyperplane."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ironglass.attacks.parts.threat import L1, L2, Linf, Threat
from ironglass.errors import InputError


def to_hyperplane(
    points: Float[Tensor, "n d"], normal: Float[Tensor, "n d"], offset: Float[Tensor, " n"], threat: Threat
) -> Float[Tensor, "n d"]:
    """argmin ‖δ‖ by the threat's norm, subject to normal · δ = offset and 0 ≤ points + δ ≤ 1, exactly.

    Where no point of the box is on the hyperplane: the smallest δ to the one nearest to it. Values that the normal does
    not weigh stay. With r how far each value may move the right way, the optimum moves it by min(λ, r) under Linf and
    by min(λ · |normal|, r) under L2, with one λ an image; under L1 by r for the values of the largest |normal|, and by
    a part of it for the last of them.
    """
    direction = normal.sign() * torch.where(offset < 0, -1, 1)[:, None]
    room = torch.where(direction > 0, 1 - points, points)
    largest = normal.abs().amax(1, keepdim=True).clamp_min(torch.finfo(normal.dtype).tiny)
    weight, offset = normal.abs() / largest, offset.abs() / largest[:, 0]  # else the square of a small one is 0
    if isinstance(threat, L1):
        return direction * _heaviest_first(weight, room, offset)
    if is_linf(threat):
        level = water_level(weight, room, offset)
        return direction * torch.minimum(level, room)
    level = water_level(weight.square(), torch.where(weight > 0, room / weight, 0), offset)
    return direction * torch.minimum(torch.where(weight > 0, level * weight, 0), room)


def _heaviest_first(
    weight: Float[Tensor, "n d"], room: Float[Tensor, "n d"], total: Float[Tensor, " n"]
) -> Float[Tensor, "n d"]:
    """Moves in [0, room] with Σ weight · move = total and the smallest sum; all the room of weighed values at most."""
    heavy, order = weight.sort(dim=1, descending=True)
    room = room.gather(1, order)
    before = torch.cumsum((heavy * room).double(), 1) - (heavy * room).double()
    left = (total[:, None] - before).clamp_min(0).to(heavy)
    moves = torch.where(heavy > 0, torch.minimum(left / heavy.clamp_min(torch.finfo(heavy.dtype).tiny), room), 0)
    return torch.zeros_like(moves).scatter_(1, order, moves)


def water_level(
    slope: Float[Tensor, "n d"], knee: Float[Tensor, "n d"], total: Float[Tensor, " n"]
) -> Float[Tensor, "n 1"]:
    """λ with Σ slope · min(λ, knee) = total, a row; ∞ where even all knees together fall short.

    The sum is concave and piecewise linear in λ, so Newton's method from 0 climbs to the root and is there after
    finitely many steps, each of which passes at least one more knee. A handful in practice, and no sorting.
    """
    level, product = torch.zeros_like(slope[:, :1]), slope * knee
    while True:
        rising = knee > level
        rate = (slope * rising).sum(1, keepdim=True)
        filled = (product * ~rising).sum(1, keepdim=True)
        risen = torch.where(rate > 0, (total[:, None] - filled) / rate, torch.inf)
        if not (risen > level).any():
            return level
        level = torch.maximum(level, risen)


def dual_norm(normals: Float[Tensor, "n m d"], threat: Threat) -> Float[Tensor, "n m"]:
    """By how much normal · δ rises at most for δ of length 1 by the threat's norm."""
    if isinstance(threat, L1):
        return normals.abs().amax(-1)
    return normals.abs().sum(-1) if is_linf(threat) else torch.linalg.vector_norm(normals, dim=-1)


def length(change: Float[Tensor, "n d"], threat: Threat) -> Float[Tensor, " n"]:
    """‖change‖ by the threat's norm, in units of [0, 1]."""
    if isinstance(threat, L1):
        return change.abs().sum(-1)
    return change.abs().amax(-1) if is_linf(threat) else torch.linalg.vector_norm(change, dim=-1)


def is_linf(threat: Threat) -> bool:
    """True for Linf, False for L2 and L1. Raises InputError for any other threat."""
    if not isinstance(threat, Linf | L2 | L1):
        raise InputError(f"this attack knows the threats Linf, L2 and L1, not {type(threat).__name__}")
    return isinstance(threat, Linf)
