"""Feature maps: a layer's output for an image, and many maps tiled in one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain.parts.layers import check_ran, copied, recorded_outputs
from ironglass.explain.parts.layout import layers_with_layouts
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images


def feature_maps(classifier: Classifier, images: Images, layers: Sequence[str] | None = None) -> dict[str, Tensor]:
    """The output of each layer, (n, c, h', w') by name, in the order in which they run.

    An output is the layer's own, before any activation that works in place.

    images: in [0, 1].
    layers: as Grad-CAM's.

    Raises InputError for a layer that does not exist, does not run or has no maps.
    """
    modules, layouts = layers_with_layouts(classifier, layers, images)
    with eval_without_grad(classifier), torch.no_grad(), recorded_outputs(modules, copied) as outputs:
        classifier(images)
        check_ran(modules, outputs)
        for name, output in outputs.items():
            layouts[name].check(name, output, len(images))
        return {name: layouts[name](output).detach() for name, output in outputs.items()}


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Many maps in one picture, and its colour scale."""

    picture: Tensor
    """float32 (rows, columns): the maps' own values, side by side; NaN between them."""
    low: float
    high: float
    """Values at the ends of the colour scale: −m and m where a value is negative, else 0 and m."""

    @property
    def signed(self) -> bool:
        """Returns whether the maps have negative values, for which the colour scale must diverge."""
        return self.low < 0


def tile(maps: Tensor, *, columns: int | None = None, gap: int = 1) -> Tiling:
    """The maps (m, h, w) in rows from left to right, in about a square, on one scale.

    columns: maps per row; None for as many as make a square.
    gap: pixels between two maps.

    Raises InputError.
    """
    if maps.ndim != 3 or not maps.numel():
        raise InputError(f"the maps have shape {tuple(maps.shape)}: give those of one image, (m, h, w)")
    if gap < 0 or (columns is not None and columns < 1):
        raise InputError(f"{columns} columns with a gap of {gap} make no picture: give at least 1 column and 0 pixels")
    m, height, width = maps.shape
    columns = min(m, columns or math.ceil(math.sqrt(m * (height + gap) / (width + gap))))
    rows = math.ceil(m / columns)
    cells = torch.full((rows * columns, height + gap, width + gap), math.nan)
    cells[:m, :height, :width] = maps.detach().float().cpu()
    picture = cells.unflatten(0, (rows, columns)).transpose(1, 2).flatten(2).flatten(0, 1)
    high = float(maps.abs().max())
    return Tiling(
        picture=picture[: len(picture) - gap, : picture.shape[1] - gap],
        low=-high if bool((maps < 0).any()) else 0.0,
        high=high,
    )
