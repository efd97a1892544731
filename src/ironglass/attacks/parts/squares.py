"""The changes that the Square attack proposes, under each norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from ironglass.attacks.parts.threat import L1, L2, Linf
from ironglass.types import Images


@dataclass(frozen=True)
class LinfSquares:
    """Squares of one colour, each channel at one end of what the threat allows."""

    threat: Linf
    generator: torch.Generator

    def start(self, images: Images) -> Images:
        """Vertical stripes of width 1."""
        n, c, _, w = images.shape
        return self.threat.project(images, images + self.threat.eps * signs((n, c, 1, w), images, self.generator))

    def change(self, images: Images, best: Images, share: float) -> Images:
        """`best` with one square an image, which covers that share of it; always a change where there can be one."""
        n, c, h, w = images.shape
        side = max(1, min(round(math.sqrt(share * h * w)), h, w))
        square = inside(*corners(n, h, w, side, self.generator, images), side, h, w)
        moves = self.threat.eps * signs((n, c, 1, 1), images, self.generator)
        new = torch.where(square, self.threat.project(images, images + moves), best)
        idle = (new == best).flatten(1).all(1)
        if idle.any():
            other = self.threat.project(images[idle], images[idle] - moves[idle])
            new[idle] = torch.where(square[idle], other, best[idle])
        return new


@dataclass(frozen=True)
class L2Squares:
    """Squares with a peak and a trough; the norm that one adds is taken from another window."""

    ORDER: ClassVar[int] = 2

    threat: L2 | L1
    generator: torch.Generator

    def start(self, images: Images) -> Images:
        """A grid of five by five of them, or as near to it as the image's sides allow."""
        n, c, h, w = images.shape
        side = max(1, min(h, w) // 5)
        rows, columns = h // side, w // side
        upright = bump(side, images, self.ORDER).repeat(rows, columns)
        lying = bump(side, images, self.ORDER).T.repeat(rows, columns)
        sign, turned = (
            tiles.repeat_interleave(side, 2).repeat_interleave(side, 3)
            for tiles in (
                signs((n, c, rows, columns), images, self.generator),
                signs((n, 1, rows, columns), images, self.generator) > 0,
            )
        )
        top, left = (h - rows * side) // 2, (w - columns * side) // 2
        padding = (left, w - columns * side - left, top, h - rows * side - top)
        grid = F.pad(sign * torch.where(turned, lying, upright), padding)
        return self._spend(images, grid)

    def change(self, images: Images, best: Images, share: float) -> Images:
        """`best` with a bump added to one window an image and another window emptied, at the full length eps."""
        n, c, h, w = images.shape
        side = max(3, round(math.sqrt(share * h * w)))
        side = min(side + (side % 2 == 0), h, w)
        delta = best - images
        top, left = corners(n, h, w, side, self.generator, images)
        emptied = inside(*corners(n, h, w, side, self.generator, images), side, h, w)
        window = inside(top, left, side, h, w)
        # norm, to its power, available to the window: that of both windows, and an even share of the unused rest
        order, size = self.ORDER, delta.abs() ** self.ORDER
        freed = torch.where(window | emptied, size, 0).sum((2, 3), keepdim=True)
        unspent = (self.threat.eps**order - size.sum((1, 2, 3), keepdim=True)).clamp_min(0)
        batch, channel = torch.arange(n, device=images.device), torch.arange(c, device=images.device)
        steps = torch.arange(side, device=images.device)
        window_index = (
            batch[:, None, None, None],
            channel[:, None, None],
            (top[:, None] + steps)[:, None, :, None],
            (left[:, None] + steps)[:, None, None, :],
        )
        turned = signs((n, 1, 1, 1), images, self.generator) > 0
        upright = bump(side, images, order)
        shape = torch.where(turned, upright.T, upright)
        added = signs((n, c, 1, 1), images, self.generator) * shape + _unit(delta[window_index], (2, 3), order)
        delta = torch.where(emptied, 0, delta)
        delta[window_index] = _unit(added, (2, 3), order) * (freed + unspent / c) ** (1 / order)
        return self._spend(images, delta)

    def _spend(self, images: Images, delta: Images) -> Images:
        return self.threat.project(images, images + self.threat.eps * _unit(delta, (1, 2, 3), self.ORDER))


class L1Squares(L2Squares):
    """The same with lengths by L1, and what leaves the box brought back to the nearest point within both."""

    ORDER: ClassVar[int] = 1


def bump(side: int, like: Tensor, order: int = 2) -> Float[Tensor, "s s"]:
    """A peak over the upper half of a square and a trough over the lower, of length 1 together by that norm.

    Each falls off from its middle: Σ 1 / (k + 1)² over k from the Chebyshev distance to half the longer side.
    """
    halves = []
    for height, sign in ((side // 2, 1), (side - side // 2, -1)):
        rows = (torch.arange(height, device=like.device) - height // 2).abs()
        columns = (torch.arange(side, device=like.device) - side // 2).abs()
        tail = (torch.arange(1, side // 2 + 2, device=like.device).to(like) ** -2).flip(0).cumsum(0).flip(0)
        halves.append(sign * tail[torch.maximum(rows[:, None], columns)])
    return _unit(torch.cat(halves), (0, 1), order)


def corners(
    n: int, h: int, w: int, side: int, generator: torch.Generator, like: Tensor
) -> tuple[Int64[Tensor, " n"], Int64[Tensor, " n"]]:
    """Top and left of a square that lies in the image, at random, one an image."""
    device = generator.device
    top = torch.randint(h - side + 1, (n,), generator=generator, device=device)
    left = torch.randint(w - side + 1, (n,), generator=generator, device=device)
    return top.to(like.device), left.to(like.device)


def inside(top: Tensor, left: Tensor, side: int, h: int, w: int) -> Bool[Tensor, "n 1 h w"]:
    """Mask of the square."""
    rows = torch.arange(h, device=top.device) - top[:, None]
    columns = torch.arange(w, device=left.device) - left[:, None]
    across, down = (columns >= 0) & (columns < side), (rows >= 0) & (rows < side)
    return (down[:, :, None] & across[:, None, :])[:, None]


def signs(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    """−1 or 1 at random."""
    return (2 * torch.randint(2, shape, generator=generator, device=generator.device) - 1).to(like)


def _unit(values: Tensor, dim: tuple[int, ...], order: int) -> Tensor:
    size = torch.linalg.vector_norm(values, ord=order, dim=dim, keepdim=True)
    return values / size.clamp_min(torch.finfo(values.dtype).tiny)
