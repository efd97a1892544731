"""Threat model of an occluding square: any pixels inside it may change."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.types import Images, Mask


@settings(frozen=True)
class Occluder:
    """Any pixels inside one square of an image may change, to anything in [0, 1].

    size: side of the square, in pixels. The attacker chooses its position for each image.
    """

    size: int

    def __post_init__(self) -> None:
        if not (isinstance(self.size, int) and self.size >= 1):
            raise InputError(f"the occluder's size is {self.size!r}: give its side as a whole number of pixels")

    @property
    def eps(self) -> float:
        """1: inside the square a value may change by all of its range."""
        return 1.0

    def start(self, images: Images, generator: torch.Generator) -> Images:
        """Uniform noise in a square at a random position of each image."""
        noise = torch.rand(images.shape, generator=generator, device=generator.device).to(images)
        return torch.where(covered(self.positions(images, generator), self.size, images), noise, images)

    def step(self, gradient: Images) -> Images:
        """sign(gradient), everywhere: `project` chooses the square."""
        return gradient.sign()

    def project(self, images: Images, adversarial: Images) -> Images:
        """Clips to [0, 1] and keeps the square whose change is longest by L2; the first of equals, row by row."""
        adversarial = adversarial.clamp(0, 1)
        self._check(images)
        changed = (adversarial - images).square().sum(1, keepdim=True)
        change = F.avg_pool2d(changed, self.size, stride=1)
        best = change.flatten(1).argmax(1)
        positions = torch.stack((best // change.shape[3], best % change.shape[3]), 1)
        return torch.where(covered(positions, self.size, images), adversarial, images)

    def allows(self, images: Images, adversarial: Images) -> Mask:
        """Returns whether all values are in [0, 1] and all changed pixels fit into one square."""
        changed = (adversarial != images).any(1)
        inside = ((adversarial >= 0) & (adversarial <= 1)).flatten(1).all(1)
        return inside & (_extent(changed.any(2)) <= self.size) & (_extent(changed.any(1)) <= self.size)

    def positions(self, images: Images, generator: torch.Generator) -> Tensor:
        """A uniform draw of a square for each image, as its top and left pixel: int64 (n, 2)."""
        self._check(images)
        draws = [
            torch.randint(side - self.size + 1, (len(images),), generator=generator, device=generator.device)
            for side in images.shape[2:]
        ]
        return torch.stack(draws, 1).to(images.device)

    places = positions  # the former name

    def _check(self, images: Images) -> None:
        if self.size > min(images.shape[2:]):
            height, width = images.shape[2:]
            raise InputError(
                f"an occluder of {self.size} pixels does not fit into {height}×{width}: give a smaller one"
            )


def covered(positions: Tensor, size: int, images: Images) -> Tensor:
    """Mask of the pixels in the squares at `positions`, (n, 2): bool (n, 1, h, w)."""
    rows, columns = (
        (torch.arange(side, device=images.device) >= first[:, None])
        & (torch.arange(side, device=images.device) < first[:, None] + size)
        for side, first in zip(images.shape[2:], positions.unbind(1), strict=True)
    )
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _extent(changed: Tensor) -> Tensor:
    """Distance from the first to the last True of each row, inclusive: (n, m) to int64 (n,), 0 for a row without."""
    first = changed.int().argmax(1)
    last = changed.shape[1] - 1 - changed.flip(1).int().argmax(1)
    return torch.where(changed.any(1), last - first + 1, 0)
