"""Positions of a patch in an image, and images covered by it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.types import Images


def positions(size: tuple[int, int], patch: int, stride: int) -> Tensor:
    """Positions of a patch in an image of `size` (h, w): int64 (p, 4) as top, left, bottom, right, row by row.

    Tops and lefts are multiples of the stride, ceil((size − patch) / stride) + 1 of them; the last patch is clipped
    at the border. Raises InputError for a patch that does not fit and a stride below 1.
    """
    rows, columns = (spans_of(length, patch, stride) for length in size)
    tops, bottoms = rows.repeat_interleave(len(columns), 0).unbind(1)
    lefts, rights = columns.repeat(len(rows), 1).unbind(1)
    return torch.stack((tops, lefts, bottoms, rights), 1)


def spans_of(length: int, patch: int, stride: int) -> Tensor:
    """First and last-plus-one pixel of each patch along one side: int64 (p, 2)."""
    if stride < 1:
        raise InputError(f"the stride is {stride}: give at least 1 pixel")
    if not 1 <= patch <= length:
        raise InputError(f"the patch is {patch} pixels in an image of {length}: give 1 to {length}")
    first = torch.arange(math.ceil((length - patch) / stride) + 1) * stride
    first = first[first < length]  # with gaps between the patches the last one may lie outside
    return torch.stack((first, (first + patch).clamp(max=length)), 1)


def inside(spans: Tensor, length: int) -> Tensor:
    """Mask of the `length` pixels that lie in each span: bool (p, length)."""
    pixel = torch.arange(length, device=spans.device)
    return (spans[:, :1] <= pixel) & (pixel < spans[:, 1:])


def occluded(images: Images, filling: Images, rows: Tensor, columns: Tensor, image: Tensor, position: Tensor) -> Images:
    """The images at indices `image` (m,), each covered at the patch position of index `position` (m,)."""
    down = inside(rows[position // len(columns)], images.shape[2])
    across = inside(columns[position % len(columns)], images.shape[3])
    return torch.where((down[:, :, None] & across[:, None])[:, None], filling[image], images[image])
