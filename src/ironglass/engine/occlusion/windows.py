"""Region of each feature map affected by a patch, propagated through the layers, and reading of such windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Span:
    """Affected interval along one side of a map, for each position of the patch.

    first, last: int64 (p,), last exclusive; `length` and 0 for a position that changes nothing.
    length: of the side.

    All windows have one `size` and begin at `start` (p,), moved inwards at the border so that they never leave the map.
    """

    first: Tensor
    last: Tensor
    length: int

    @cached_property
    def size(self) -> int:
        """Length of the longest interval."""
        return max(1, int((self.last - self.first).max()))

    @cached_property
    def start(self) -> Tensor:
        """Start of the window of each position."""
        return self.first.clamp(0, self.length - self.size)

    def at(self, positions: Tensor) -> Span:
        """The spans of a subset of positions."""
        return Span(self.first[positions], self.last[positions], self.length)

    def slid(self, kernel: int, stride: int, dilation: int, padding: int, length: int) -> Span:
        """Affected span of the output, `length` long, of a kernel that slides over this side."""
        if (kernel, stride, padding) == (1, 1, 0):
            return self
        # output o reads the inputs from o·stride − padding to o·stride − padding + dilation·(kernel − 1)
        first = -((-(self.first + padding - dilation * (kernel - 1))) // stride)
        last = (self.last - 1 + padding) // stride + 1
        first, last = first.clamp(min=0), last.clamp(max=length)
        unaffected = (self.last <= self.first) | (last <= first)
        return Span(first.masked_fill(unaffected, length), last.masked_fill(unaffected, 0), length)


def joined(spans: list[Span]) -> Span:
    """Affected span of a sum or concatenation of maps of one length."""
    if len(spans) == 1:
        return spans[0]
    first = torch.stack([span.first for span in spans]).amin(0)
    return Span(first, torch.stack([span.last for span in spans]).amax(0), spans[0].length)


@dataclass(frozen=True)
class Region:
    """The part of a side that a step reads: `size` pixels from `start` (p,), which may reach beyond both borders."""

    start: Tensor
    size: int


@dataclass(frozen=True)
class Route:
    """Origin of each pixel that a step reads, for each position of the patch: int32 (p, h, w) each.

    at: row of `Pixels`, for the first image and the first window.
    image_stride, window_stride: increase of the row from one image to the next, and from one window to the next; one of
        them is 0, and both are beyond the border.
    """

    at: Tensor
    image_stride: Tensor
    window_stride: Tensor

    def of(self, image: Tensor, position: Tensor) -> Tensor:
        """The rows for pairs of image and position index, int32 (m,) each; windows are numbered as the pairs are."""
        number = torch.arange(len(image), dtype=torch.int32, device=image.device)
        rows = self.at.index_select(0, position)
        rows.addcmul_(self.image_stride.index_select(0, position), image[:, None, None])
        return rows.addcmul_(self.window_stride.index_select(0, position), number[:, None, None])


class Pixels:
    """The pixels of a map, one a row: first that beyond the border, then those of all images, then of the windows."""

    def __init__(self, images: int, size: torch.Size, room: int, **kind: Any) -> None:
        """Allocates the rows.

        size: of the map of one image, (1, c, h, w).
        room: number of pixels of windows.
        kind: dtype and device.
        """
        _, channels, height, width = size
        self.area = height * width
        self.windows = 1 + images * self.area
        self.rows = torch.empty(self.windows + room, channels, **kind)

    def put_images(self, image: int, maps: Tensor) -> None:
        """Stores the maps (n, c, h, w) of n images from index `image` on."""
        first = 1 + image * self.area
        self.rows[first : first + len(maps) * self.area] = _flat(maps)

    def put_windows(self, windows: Tensor) -> None:
        """Stores windows (m, c, h, w), replacing those before."""
        pixels = _flat(windows)
        self.rows[self.windows : self.windows + len(pixels)] = pixels

    def read(self, index: Tensor, border: float) -> Tensor:
        """Maps (m, c, h, w), channels last, of the rows at `index` (m, h, w). border: the value beyond the map."""
        self.rows[0] = border
        pixels = self.rows.index_select(0, index.flatten())
        return pixels.view(*index.shape, -1).permute(0, 3, 1, 2)


def fill_beyond(maps: Tensor, index: Tensor, value: float) -> None:
    """Sets a value in maps (m, c, h, w), channels last, wherever `index` (m, h, w) is that beyond the border."""
    beyond = torch.nonzero(index.flatten() == 0)[:, 0]
    maps.permute(0, 2, 3, 1).view(-1, maps.shape[1]).index_fill_(0, beyond, value)


def same_regions(windows: tuple[Span, Span], regions: tuple[Region, Region]) -> bool:
    """Returns whether the windows equal the regions that a step reads."""
    return all(
        region.start is span.start or (region.size == span.size and bool((region.start == span.start).all()))
        for span, region in zip(windows, regions, strict=True)
    )


def route_of(windows: tuple[Span, Span], regions: tuple[Region, Region], positions: Tensor, images: int) -> Route:
    """Route by which regions that reach beyond the windows are read.

    windows, regions: by rows and columns.
    positions: int64 (p, 2), index of each position into them by row and column.
    images: number of images.
    """
    by_axis = []
    for axis, (span, region) in enumerate(zip(windows, regions, strict=True)):
        position = positions[:, axis]
        pixel = region.start[position, None] + torch.arange(region.size, device=positions.device)
        within = pixel - span.start[position, None]
        by_axis.append((pixel, within, (within >= 0) & (within < span.size), (pixel >= 0) & (pixel < span.length)))
    (top, row, row_moved, row_inside), (left, column, column_moved, column_inside) = by_axis
    height, width, down, across = (*(span.size for span in windows), *(span.length for span in windows))
    from_window = row_moved[:, :, None] & column_moved[:, None]
    from_image = row_inside[:, :, None] & column_inside[:, None] & ~from_window
    of_window = (1 + images * down * across + row * width)[:, :, None] + column[:, None]
    of_image = (1 + top * across)[:, :, None] + left[:, None]
    pixel = torch.where(from_window, of_window, of_image * from_image)
    return Route(pixel.int(), (from_image * (down * across)).int(), (from_window * (height * width)).int())


def patch_route(spans: tuple[Span, Span], positions: Tensor, images: int) -> Route:
    """Route by which the windows of the occluded images are read: the filling under the patch, and the image elsewhere.
    For `Pixels` of the images followed by as many fillings."""
    inside, pixels = [], []
    for axis, span in enumerate(spans):
        position = positions[:, axis]
        pixel = span.start[position, None] + torch.arange(span.size, device=positions.device)
        inside.append((span.first[position, None] <= pixel) & (pixel < span.last[position, None]))
        pixels.append(pixel)
    hidden = inside[0][:, :, None] & inside[1][:, None]
    area = spans[0].length * spans[1].length
    rows = (1 + pixels[0] * spans[1].length)[:, :, None] + pixels[1][:, None] + hidden * (images * area)
    image_stride = torch.full_like(rows, area)
    return Route(rows.int(), image_stride.int(), torch.zeros_like(rows, dtype=torch.int32))


def _flat(maps: Tensor) -> Tensor:
    """The pixels of maps, one a row."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])
