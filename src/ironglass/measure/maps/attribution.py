"""Quality of attribution maps: faithfulness, stability, and localisation of the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ironglass.engine.occlusion.forward import fused_forward
from ironglass.errors import InputError
from ironglass.explain import upsample
from ironglass.explain.parts.fill import Fill, fill_images
from ironglass.explain.parts.masked import pass_size
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


def image_maps(maps: Maps | dict[str, Maps], size: tuple[int, int], *, absolute: bool = False) -> Tensor:
    """One number a pixel: float32 (n, h, w), the channels added up and brought to `size` (h, w) by `upsample`.

    maps: (n, 1 or c, h', w'); of maps by layer, those of the last layer with more than 1 × 1 resolution.
    absolute: sum absolute values, as for gradients, whose sign only gives the direction in which to change a pixel.
    """
    if isinstance(maps, dict):
        maps = maps[last_layer(maps)]
    maps = (maps.abs() if absolute else maps).float().sum(1, keepdim=True)
    return (maps if maps.shape[2:] == size else upsample(maps, size))[:, 0]


def last_layer(maps: Mapping[str, Maps]) -> str:
    """The last layer with more than 1 × 1 resolution."""
    spread = [name for name, part in maps.items() if part[0, 0].numel() > 1]
    return (spread or list(maps))[-1]


def insertion(
    classifier: Classifier, images: Images, targets: Labels, maps: Tensor, *, steps: int = 28, fill: Fill = "blur"
) -> Tensor:
    """Area under the target's probability as pixels are inserted, the highest of the map first: (n,) in [0, 1].

    High where few pixels suffice (Petsiuk et al. 2018, arXiv 1806.07421). At step s of `steps` the share s / steps of
    the pixels is the image's and the rest `fill_images(fill, …)`; the area is by trapezoids.

    maps: (n, h, w), signed. Equal pixels are inserted in a fixed random order, so that a constant map is as good as a
        random one.

    Raises InputError for maps that do not fit the images, fewer than 1 step, and an unknown fill.
    """
    filling = fill_images(fill, images)
    return _area(classifier, filling, images, targets, maps, steps)


def deletion(
    classifier: Classifier, images: Images, targets: Labels, maps: Tensor, *, steps: int = 28, fill: Fill = "grey"
) -> Tensor:
    """Area under the target's probability as pixels are deleted, the highest of the map first: (n,) in [0, 1].

    Low where the map's highest pixels determine the score. All else as in `insertion`; the paper's fill is the grey
    that normalises to 0.
    """
    filling = fill_images(fill, images)
    return _area(classifier, images, filling, targets, maps, steps)


def sensitivity(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    explainer: Any,
    maps: Maps | dict[str, Maps] | Tensor,
    *,
    radius: float = 0.02,
    draws: int = 4,
    seed: int = 0,
) -> Tensor:
    """Relative change of the map under imperceptible noise: (n,), 0 is stable.

    max over draws of ‖map(image + noise) − map(image)‖ / ‖map(image)‖,  noise ~ U(−radius, radius) a value

    Max-sensitivity (Yeh et al. 2019, arXiv 1901.09392), relative and on maps resized by `image_maps`, so that methods
    can be compared.

    maps: the explainer's own of these images, or their `image_maps`.

    The same noise is added to every image of a batch, and noisy images are clipped to [0, 1]. NaN for a map of zeros.
    Raises InputError for a radius that is not above 0 and fewer than 1 draw.
    """
    if not 0 < radius <= 1 or draws < 1:
        raise InputError(f"sensitivity with radius {radius} and {draws} draws: give above 0 to 1, and at least 1 draw")
    size = (images.shape[2], images.shape[3])
    before = maps if isinstance(maps, Tensor) and maps.ndim == 3 else image_maps(maps, size)
    generator = torch.Generator().manual_seed(seed)  # on the processor: the same noise on every device
    farthest = torch.zeros(len(images), device=before.device)
    for noise in radius * (2 * torch.rand(draws, *images.shape[1:], generator=generator) - 1):
        noisy = (images + noise.to(images.device)).clamp(0, 1)
        after = image_maps(explainer(classifier, noisy, targets), size)
        farthest = farthest.maximum((after - before).flatten(1).norm(dim=1))
    return torch.where(before.flatten(1).any(1), farthest / before.flatten(1).norm(dim=1), torch.nan)


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Returns whether the highest pixel lies in the mask: bool (n,) (Zhang et al. 2016, arXiv 1608.00507).

    maps: (n, h, w), signed.
    masks: bool (n, h, w), True in the region of the evidence.

    Without the paper's margin of 15 pixels. If several pixels are highest, all must lie inside, so that a constant map
    is no hit. Raises InputError for shapes that differ.
    """
    _check_shapes(maps, masks)
    highest = maps.flatten(1) == maps.flatten(1).amax(1, keepdim=True)
    return ~(highest & ~masks.flatten(1)).any(1)


def mass_inside(maps: Tensor, masks: Tensor, *, absolute: bool = False) -> Tensor:
    """The share of the map's positive mass that lies in the mask: (n,) in [0, 1].

    maps: (n, h, w), signed.
    masks: bool (n, h, w).
    absolute: count the mass of both signs, for covered or patched regions; by default only evidence *for* the target.

    A map without such mass counts as uniform, with the mask's share of the area. Raises InputError for shapes that
    differ.
    """
    _check_shapes(maps, masks)
    mass = (maps.abs() if absolute else maps.clamp_min(0)).flatten(1).double()
    inside = masks.flatten(1).double()
    total = mass.sum(1)
    return torch.where(total > 0, (mass * inside).sum(1) / total, inside.mean(1)).float()


def positions_from_highest(maps: Tensor) -> Tensor:
    """Rank of each pixel, highest first, of maps (n, h, w): int64 (n, h · w); ties in a fixed random order."""
    values = maps.flatten(1)
    scattered = torch.randperm(values.shape[1], generator=torch.Generator().manual_seed(0)).to(values.device)
    order = scattered[values[:, scattered].argsort(dim=1, descending=True, stable=True)]
    return torch.empty_like(order).scatter_(
        1, order, torch.arange(values.shape[1], device=values.device).expand_as(order)
    )


def _area(classifier: Classifier, first: Images, last: Images, targets: Labels, maps: Tensor, steps: int) -> Tensor:
    """Area under the target's probability from the images `first` to `last`, pixel by pixel as the maps order them."""
    if steps < 1:
        raise InputError(f"{steps} steps: give at least 1")
    if maps.shape != (len(first), *first.shape[2:]):
        raise InputError(
            f"maps are {tuple(maps.shape)} and images {tuple(first.shape)}: bring the maps to (n, h, w) by image_maps"
        )
    targets = targets.to(first.device)
    position = positions_from_highest(maps.to(first.device)).view(maps.shape)
    pixels = maps[0].numel()
    changed = torch.from_numpy(np.linspace(0, pixels, steps + 1).round()).to(first.device, torch.int64)
    probability = torch.empty(len(first) * (steps + 1), device=first.device)
    size = pass_size(first, len(probability))
    with fused_forward(classifier, len(probability)) as forward:
        for pair in torch.arange(len(probability), device=first.device).split(size):
            image, step = pair // (steps + 1), pair % (steps + 1)
            replaced = position[image] < changed[step, None, None]
            logits = forward(torch.where(replaced[:, None], last[image], first[image]))
            probability[pair] = classifier.as_logits(logits).softmax(1).gather(1, targets[image, None])[:, 0].float()
    return torch.trapezoid(probability.view(len(first), steps + 1), dx=1 / steps, dim=1)


def _check_shapes(maps: Tensor, masks: Tensor) -> None:
    if maps.shape != masks.shape or maps.ndim != 3 or masks.dtype != torch.bool:
        raise InputError(
            f"maps are {tuple(maps.shape)} and masks {masks.dtype} {tuple(masks.shape)}: give both as (n, h, w), "
            "the masks as bool"
        )
