"""The layout of a layer's output: which of its axes are rows, columns and channels, or why none are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.errors import InputError


@dataclass(frozen=True)
class Layout:
    """Order of axes by which an output becomes maps, (n, c, h, w).

    batch: the axis of images.
    space: that of rows and that of columns; or one axis of tokens, laid out on `grid` (h, w) row by row once `extra` of
        them from position `start` on are left out. What other axes there are, are channels.
    shape: the output's for one image.
    """

    shape: tuple[int, ...]
    batch: int
    space: tuple[int, ...]
    grid: tuple[int, int] = (0, 0)
    start: int = 0
    extra: int = 0

    def __call__(self, output: Tensor) -> Tensor:
        """Maps of an output, or of its gradient, which lies alike; a view of it where that can be."""
        if self.space == (2, 3) and self.batch == 0 and len(self.shape) == 4:
            return output
        channels = [axis for axis in range(len(self.shape)) if axis != self.batch and axis not in self.space]
        maps = output.permute(self.batch, *channels, *self.space)
        if len(channels) != 1:
            maps = maps.flatten(1, len(channels)) if channels else maps.unsqueeze(1)
        if len(self.space) == 2:
            return maps
        end = maps.shape[2] - self.extra
        if self.extra and self.start in (0, end):
            maps = maps[:, :, self.extra :] if self.start == 0 else maps[:, :, :end]
        elif self.extra:
            maps = torch.cat((maps[:, :, : self.start], maps[:, :, self.start + self.extra :]), 2)
        return maps.unflatten(2, self.grid)

    @property
    def single(self) -> bool:
        """Returns whether there is one place only."""
        return self.grid == (1, 1) if len(self.space) == 1 else all(self.shape[axis] == 1 for axis in self.space)

    def check(self, name: str, output: Tensor, n: int) -> None:
        """Raises InputError where an output for `n` images has not the shape that was seen."""
        expected = (*self.shape[: self.batch], n, *self.shape[self.batch + 1 :])
        if output.shape != expected:
            raise InputError(
                f"layer {name!r} gives {tuple(output.shape)} for {n} images, and for others of this size "
                f"{expected}: where its places lie cannot be told; choose another layer"
            )


class Unlaid(str):
    """Why a layer's output cannot be laid out as maps."""

    over_no_image = False
    """Returns whether the output has nothing to do with the image, as a position embedding's."""


Found = dict[str, Layout | Unlaid]
