"""Superpixels: an image cut into compact regions of like colour."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.types import Images

ROUNDS = 10
"""Rounds of moving the centres, as in the paper."""


def superpixels(images: Images, count: int, compactness: float) -> Tensor:
    """The superpixel of each pixel: int64 (n, h, w), from 0 to at most count − 1 (SLIC, Achanta et al. 2012).

    Pixels go to the nearest of the 3 × 3 centres around their cell of a regular grid, in colour and position; centres
    then move to the mean of their pixels. Colours are those of the image, in [0, 1], not CIELAB, so that any number of
    channels is taken. Parts of a superpixel that lie apart stay of one name. A centre that loses all pixels leaves its
    number unused.

    count: about as many as there are cells in the grid, and at most so many.
    compactness: weight of a cell's width, as a difference of colour.
    """
    n, _, height, width = images.shape
    rows, columns = grid_of((height, width), count)
    side = math.sqrt(height * width / (rows * columns))
    y = torch.arange(height, device=images.device)
    x = torch.arange(width, device=images.device)
    position = torch.stack(torch.meshgrid(y, x, indexing="ij")).float() * (compactness / side)
    features = torch.cat((images.float(), position.expand(n, -1, -1, -1)), 1)
    centres = F.adaptive_avg_pool2d(features, (rows, columns)).flatten(2)
    home_row, home_column = y * rows // height, x * columns // width
    near = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    labels = torch.zeros(n, height, width, dtype=torch.int64, device=images.device)
    for _ in range(ROUNDS):
        best = torch.full((n, height, width), math.inf, device=images.device)
        for down, across in near:
            row, column = (home_row + down).clamp(0, rows - 1), (home_column + across).clamp(0, columns - 1)
            index = row[:, None] * columns + column
            distance = (features - centres[:, :, index]).square().sum(1)
            labels = torch.where(distance < best, index, labels)
            best = best.minimum(distance)
        centres = _means(features, labels, centres)
    return labels


def grid_of(size: tuple[int, int], count: int) -> tuple[int, int]:
    """Rows and columns of at most `count` cells that are about square."""
    height, width = size
    rows = max(1, min(height, count, round(math.sqrt(count * height / width))))
    return rows, max(1, min(width, count // rows))


def _means(features: Tensor, labels: Tensor, centres: Tensor) -> Tensor:
    """The mean of each superpixel's features, (n, f, k); the former centre of one without pixels."""
    n, width, count = centres.shape
    index = labels.flatten(1)
    sizes = torch.zeros(n, count, device=features.device).scatter_add_(1, index, torch.ones_like(index).float())
    sums = torch.zeros_like(centres).scatter_add_(2, index[:, None].expand(-1, width, -1), features.flatten(2))
    return torch.where(sizes[:, None] > 0, sums / sizes[:, None].clamp_min(1), centres)
