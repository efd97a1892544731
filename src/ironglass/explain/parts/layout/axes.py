"""The layout of a layer's output: its axes of rows, columns and channels, or the reason why it has none."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.errors import InputError


@dataclass(frozen=True)
class Layout:
    """Order of axes by which an output becomes maps, (n, c, h, w).

    batch: the axis of images.
    space: the axes of rows and columns; or one axis of tokens, which fill `grid` (h, w) row by row once `extra` of them
        from position `start` on are left out. All other axes are channels.
    shape: of the output for one image.
    """

    shape: tuple[int, ...]
    batch: int
    space: tuple[int, ...]
    grid: tuple[int, int] = (0, 0)
    start: int = 0
    extra: int = 0

    def __call__(self, output: Tensor) -> Tensor:
        """Maps of an output, or of a gradient of the same layout; a view where possible."""
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
        """Returns whether there is only one position."""
        return self.grid == (1, 1) if len(self.space) == 1 else all(self.shape[axis] == 1 for axis in self.space)

    def check(self, name: str, output: Tensor, n: int) -> None:
        """Raises InputError where an output for `n` images does not have the shape that was measured."""
        expected = (*self.shape[: self.batch], n, *self.shape[self.batch + 1 :])
        if output.shape != expected:
            raise InputError(
                f"layer {name!r} gives {tuple(output.shape)} for {n} images, and for others of this size "
                f"{expected}: its rows and columns cannot be identified; choose another layer"
            )


class NoLayout(str):
    """The reason why a layer's output has no layout as maps."""

    over_no_image = False
    """True if the output does not depend on the image, as a position embedding's."""


Layouts = dict[str, Layout | NoLayout]
