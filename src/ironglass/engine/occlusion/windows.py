"""Region of each feature map affected by a patch, propagated through the layers, and reading of such windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """For each place of the patch, what may change along one side of a map of `length`: first to last, exclusive.

    first, last: int64 (p,); a place that changes nothing has length and 0. All windows are equally large, `size`, and
    begin at `start` (p,): moved inwards at the border, so they never leave the map.
    """

    first: Tensor
    last: Tensor
    length: int

    @cached_property
    def size(self) -> int:
        """The longest change."""
        return max(1, int((self.last - self.first).max()))

    @cached_property
    def start(self) -> Tensor:
        """Start of the window of each position."""
        return self.first.clamp(0, self.length - self.size)

    def at(self, positions: Tensor) -> Span:
        """Of some of the places."""
        return Span(self.first[positions], self.last[positions], self.length)

    def slid(self, kernel: int, stride: int, dilation: int, padding: int, length: int) -> Span:
        """Span that may change in the output, `length` long, of a kernel that slides over this side."""
        if (kernel, stride, padding) == (1, 1, 0):
            return self
        # output o reads the inputs from o·stride − padding to o·stride − padding + dilation·(kernel − 1)
        first = -((-(self.first + padding - dilation * (kernel - 1))) // stride)
        last = (self.last - 1 + padding) // stride + 1
        first, last = first.clamp(min=0), last.clamp(max=length)
        nothing = (self.last <= self.first) | (last <= first)
        return Span(first.masked_fill(nothing, length), last.masked_fill(nothing, 0), length)


def joined(spans: list[Span]) -> Span:
    """Span that may change where maps of the same length are added or stacked."""
    if len(spans) == 1:
        return spans[0]
    first = torch.stack([span.first for span in spans]).amin(0)
    return Span(first, torch.stack([span.last for span in spans]).amax(0), spans[0].length)


@dataclass(frozen=True)
class Region:
    """The part of a side that a step reads: `size` from `start` (p,), which may begin before 0 and end after length."""

    start: Tensor
    size: int


@dataclass(frozen=True)
class Route:
    """Origin of each pixel that a step reads, for each position of the patch: int32 (p, h, w) each.

    at: a row of `Pixels`, for the first image and the first windows.
    whole, moved: by how much it goes up from one image to the next, and from one window to the next; one of the two is
        0, both are beyond the border.
    """

    at: Tensor
    whole: Tensor
    moved: Tensor

    def of(self, image: Tensor, position: Tensor) -> Tensor:
        """The rows for pairs of an image and a place, int32 (m,) each; the windows are those of the pairs, in order."""
        number = torch.arange(len(image), dtype=torch.int32, device=image.device)
        found = self.at.index_select(0, position)
        found.addcmul_(self.whole.index_select(0, position), image[:, None, None])
        return found.addcmul_(self.moved.index_select(0, position), number[:, None, None])


class Pixels:
    """The pixels of a map, one a row: beyond the border, of all images, and of the windows at hand."""

    def __init__(self, images: int, size: torch.Size, room: int, **kind: Any) -> None:
        """size: of the map of one image, (1, c, h, w). room: for so many pixels of windows. kind: dtype and device."""
        _, channels, height, width = size
        self.area = height * width
        self.windows = 1 + images * self.area
        self.rows = torch.empty(self.windows + room, channels, **kind)

    def whole(self, image: int, maps: Tensor) -> None:
        """Puts the maps (n, c, h, w) of images from this one on."""
        first = 1 + image * self.area
        self.rows[first : first + len(maps) * self.area] = _flat(maps)

    def put(self, windows: Tensor) -> None:
        """Puts windows (m, c, h, w) in the place of those before."""
        pixels = _flat(windows)
        self.rows[self.windows : self.windows + len(pixels)] = pixels

    def read(self, index: Tensor, border: float) -> Tensor:
        """Maps (m, c, h, w), channels last, of the rows at `index` (m, h, w). border: the value beyond the map."""
        self.rows[0] = border
        pixels = self.rows.index_select(0, index.flatten())
        return pixels.view(*index.shape, -1).permute(0, 3, 1, 2)


def fill_beyond(maps: Tensor, index: Tensor, value: float) -> None:
    """Gives maps (m, c, h, w), channels last, a value where what `index` (m, h, w) has read lay beyond the border."""
    beyond = torch.nonzero(index.flatten() == 0)[:, 0]
    maps.permute(0, 2, 3, 1).view(-1, maps.shape[1]).index_fill_(0, beyond, value)


def alike(windows: tuple[Span, Span], needed: tuple[Region, Region]) -> bool:
    """Returns whether the windows are the very regions that a step reads."""
    return all(
        region.start is span.start or (region.size == span.size and bool((region.start == span.start).all()))
        for span, region in zip(windows, needed, strict=True)
    )


def route_of(windows: tuple[Span, Span], needed: tuple[Region, Region], positions: Tensor, images: int) -> Route:
    """Route by which the needed regions around the windows are read, of so many images.

    windows, needed: by rows and columns. places: int64 (p, 2), row and column of each place in them.
    """
    reading = []
    for axis, (span, region) in enumerate(zip(windows, needed, strict=True)):
        position = positions[:, axis]
        at = region.start[position, None] + torch.arange(region.size, device=positions.device)
        within = at - span.start[position, None]
        reading.append((at, within, (within >= 0) & (within < span.size), (at >= 0) & (at < span.length)))
    (top, row, row_moved, row_inside), (left, column, column_moved, column_inside) = reading
    height, width, down, across = (*(span.size for span in windows), *(span.length for span in windows))
    moved = row_moved[:, :, None] & column_moved[:, None]
    whole = row_inside[:, :, None] & column_inside[:, None] & ~moved
    of_window = (1 + images * down * across + row * width)[:, :, None] + column[:, None]
    of_image = (1 + top * across)[:, :, None] + left[:, None]
    at = torch.where(moved, of_window, of_image * whole)
    return Route(at.int(), (whole * (down * across)).int(), (moved * (height * width)).int())


def patch_route(spans: tuple[Span, Span], positions: Tensor, images: int) -> Route:
    """Route by which the windows of the images themselves are read: the filling where the patch is, the image where a
    window is cut off at the border. Of `Pixels` of the images and then as many fillings."""
    inside, at = [], []
    for axis, span in enumerate(spans):
        position = positions[:, axis]
        pixel = span.start[position, None] + torch.arange(span.size, device=positions.device)
        inside.append((span.first[position, None] <= pixel) & (pixel < span.last[position, None]))
        at.append(pixel)
    hidden = inside[0][:, :, None] & inside[1][:, None]
    area = spans[0].length * spans[1].length
    found = (1 + at[0] * spans[1].length)[:, :, None] + at[1][:, None] + hidden * (images * area)
    whole = torch.full_like(found, area)
    return Route(found.int(), whole.int(), torch.zeros_like(found, dtype=torch.int32))


def _flat(maps: Tensor) -> Tensor:
    """The pixels of maps, one a row."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
