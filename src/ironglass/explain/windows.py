"""Where a patch is felt in a feature map, how that grows from layer to layer, and reading such windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
        """Where the window of each place begins."""
        return self.first.clamp(0, self.length - self.size)

    def at(self, positions: Tensor) -> Span:
        """Of some of the places."""
        return Span(self.first[positions], self.last[positions], self.length)

    def slid(self, kernel: int, stride: int, dilation: int, padding: int, length: int) -> Span:
        """What may change in the output, `length` long, of a kernel that slides over this side."""
        if (kernel, stride, padding) == (1, 1, 0):
            return self
        # output o reads the inputs from o·stride − padding to o·stride − padding + dilation·(kernel − 1)
        first = -((-(self.first + padding - dilation * (kernel - 1))) // stride)
        last = (self.last - 1 + padding) // stride + 1
        first, last = first.clamp(min=0), last.clamp(max=length)
        nothing = (self.last <= self.first) | (last <= first)
        return Span(first.masked_fill(nothing, length), last.masked_fill(nothing, 0), length)


def joined(spans: list[Span]) -> Span:
    """What may change where maps of the same length are added or stacked."""
    if len(spans) == 1:
        return spans[0]
    first = torch.stack([span.first for span in spans]).amin(0)
    return Span(first, torch.stack([span.last for span in spans]).amax(0), spans[0].length)


@dataclass(frozen=True)
class Region:
    """The part of a side that a step reads: `size` from `start` (p,), which may begin before 0 and end after length."""

    start: Tensor
    size: int


def source_index(windows: tuple[Span, Span], needed: tuple[Region, Region], places: Tensor) -> Tensor | None:
    """Where each pixel of the needed regions comes from; None where the windows are the regions.

    windows, needed: by rows and columns. places: int64 (p, 2), row and column of each place in them. Gives int32
    (p, h, w): 0 is beyond the border, then come the pixels of the whole map, row by row, then those of the windows.
    """
    if all(
        region.start is span.start or (region.size == span.size and bool((region.start == span.start).all()))
        for span, region in zip(windows, needed, strict=True)
    ):
        return None
    reading = []
    for axis, (span, region) in enumerate(zip(windows, needed, strict=True)):
        place = places[:, axis]
        at = region.start[place, None] + torch.arange(region.size, device=places.device)
        within = at - span.start[place, None]
        reading.append((at, within, (within >= 0) & (within < span.size), (at >= 0) & (at < span.length)))
    (top, row, row_changed, row_inside), (left, column, column_changed, column_inside) = reading
    height, width = (span.size for span in windows)
    whole, across = windows[0].length * windows[1].length, windows[1].length
    number = torch.arange(len(places), device=places.device)[:, None]
    changed = 1 + whole + ((number * height + row) * width)[:, :, None] + column[:, None]
    unchanged = 1 + (top * across)[:, :, None] + left[:, None]
    inside = row_inside[:, :, None] & column_inside[:, None]
    index = torch.where(row_changed[:, :, None] & column_changed[:, None], changed, unchanged.where(inside, 0))
    return index.int()


def patches(spans: tuple[Span, Span], image: Tensor, filling: Tensor, places: Tensor) -> Tensor:
    """The windows of the image itself: the filling where the patch is, the image where it is cut off at the border."""
    inside, at = [], []
    for axis, span in enumerate(spans):
        place = places[:, axis]
        pixel = span.start[place, None] + torch.arange(span.size, device=image.device)
        inside.append((span.first[place, None] <= pixel) & (pixel < span.last[place, None]))
        at.append(pixel)
    hidden = inside[0][:, :, None] & inside[1][:, None]
    index = at[0][:, :, None] * spans[1].length + at[1][:, None] + hidden * (spans[0].length * spans[1].length)
    return _taken(torch.cat((_flat(image), _flat(filling))), index.int())


def gathered(route: Tensor | None, whole: Tensor, windows: Tensor, border: float) -> Tensor:
    """The pixels that a step reads: of `windows` and of the `whole` map around them, where `route` says.

    route: from `source_index`. border: the value beyond the map.
    """
    if route is None:
        return windows
    beyond = whole.new_full((1, whole.shape[1]), border)
    return _taken(torch.cat((beyond, _flat(whole), _flat(windows))), route)


def _flat(maps: Tensor) -> Tensor:
    """The pixels of maps, one a row."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _taken(pixels: Tensor, index: Tensor) -> Tensor:
    """Maps (p, c, h, w), channels last, of the pixels at `index` (p, h, w)."""
    return pixels.index_select(0, index.flatten()).view(*index.shape, -1).permute(0, 3, 1, 2)
