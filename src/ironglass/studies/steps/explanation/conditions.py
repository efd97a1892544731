"""Treatments of the images before they are explained again: a part masked, or an attack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from ironglass.attacks import THREATS, find_attack
from ironglass.attacks.parts.occluder import covered
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.measure.maps.attribution import image_maps
from ironglass.measure.maps.quality import GRADIENTS
from ironglass.models.classifier import Classifier
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import RECTANGLE, ExplanationPlan
from ironglass.types import Images, Labels, Maps

MapsByMethod: TypeAlias = Mapping[str, Maps | dict[str, Maps]]
"""A method's maps each."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One treatment of the images. kind: "control" masks an equally large patch at a random position.

    facts: what may stand in a file of results: of an occlusion `by` and `patch`, of an attack `eps` and `norm`.
    """

    name: str
    label: str
    kind: Literal["clean", "occlusion", "control", "attack"]
    facts: dict[str, Any]
    attack: Any = None
    mask: Tensor | None = None

    def __call__(
        self,
        classifier: Classifier,
        images: Images,
        labels: Labels,
        clean_maps: MapsByMethod,
        generator: torch.Generator,
    ) -> tuple[Images, Tensor | None]:
        """The changed images, and which pixels were hidden, bool (n, h, w), where some were.

        clean_maps: the maps of the unchanged images.
        """
        if self.kind == "clean":
            return images, None
        if self.kind == "attack":
            return self.attack(classifier, images, labels, generator=generator), None
        hidden = self._hidden(images, clean_maps, generator)
        return images.masked_fill(hidden[:, None], 0.0), hidden

    def _hidden(self, images: Images, clean_maps: MapsByMethod, generator: torch.Generator) -> Tensor:
        if self.mask is not None:
            return self.mask.to(images.device).expand(len(images), -1, -1)
        patch, (height, width) = self.facts["patch"], images.shape[2:]
        if self.kind == "control":
            sides = [torch.randint(side - patch + 1, (len(images),), generator=generator) for side in (height, width)]
            corners = torch.stack(sides, 1).to(images.device)
        else:
            by = self.facts["by"]
            # of a gradient the sign only says which way to change a pixel; else what speaks for the target is hidden
            absolute = isinstance(EXPLAINERS[by], GRADIENTS)
            maps = image_maps(clean_maps[by], (height, width), absolute=absolute)
            corners = fullest(maps, patch)
        return covered(corners, patch, images)[:, 0]


def fullest(maps: Tensor, patch: int) -> Tensor:
    """Top and left pixel of the patch that holds most of a map (n, h, w), the first of equals: int64 (n, 2)."""
    means = F.avg_pool2d(maps.double()[:, None], patch, stride=1)
    best = means.flatten(1).argmax(1)
    return torch.stack((best // means.shape[3], best % means.shape[3]), 1)


def conditions(plan: Audit, pixels: tuple[int, int], patch: int) -> list[Condition]:
    """The unchanged images first; then what the plan hides, its control, and each attack at the largest eps.

    pixels: height and width of the images. patch: its side, where a method says where. Raises InputError for a
    rectangle or mask that does not fit.
    """
    treatments = [Condition(name="clean", label="unchanged", kind="clean", facts={})]
    settings = plan.explanation or ExplanationPlan()
    hide = settings.hide
    if hide in EXPLAINERS:
        facts = {"by": hide, "patch": patch}
        where = f"{patch} × {patch} px hidden where {hide} is strongest"
        treatments += [
            Condition(name="occluded", label=where, kind="occlusion", facts=facts),
            Condition(name="control", label=f"{patch} × {patch} px hidden by chance", kind="control", facts=facts),
        ]
    elif hide:
        mask = read_mask(hide, pixels)
        facts = {"by": hide if RECTANGLE.fullmatch(hide) else Path(hide).name, "pixels": int(mask.sum())}
        label = f"rectangle {hide} hidden" if RECTANGLE.fullmatch(hide) else f"{Path(hide).name} hidden"
        treatments.append(Condition(name="occluded", label=label, kind="occlusion", facts=facts, mask=mask))
    attacks = settings.attacks or plan.attacks or Attacks()
    eps = max(attacks.eps, default=0.0)
    for name in dict.fromkeys(attacks.methods):
        attack = replace(find_attack(name), threat=THREATS[attacks.norm](eps))
        facts = {"eps": eps, "norm": attacks.norm}
        size = f"{round(255 * eps, 2):g}/255" if attacks.norm == "linf" else f"{eps:g} ({attacks.norm.upper()})"
        label = f"{name}, eps {size}"
        treatments.append(Condition(name=name, label=label, kind="attack", facts=facts, attack=attack))
    return treatments


def read_mask(hide: str, size: tuple[int, int]) -> Tensor:
    """Which pixels a rectangle "top,left,height,width" or an image file hides: bool (h, w). Raises InputError."""
    height, width = size
    if RECTANGLE.fullmatch(hide):
        top, left, tall, wide = (int(part) for part in hide.split(","))
        if not (tall and wide and top + tall <= height and left + wide <= width):
            raise InputError(f"the rectangle {hide} does not lie inside {height}×{width} pixels: top,left,height,width")
        mask = np.zeros(size, dtype=bool)
        mask[top : top + tall, left : left + wide] = True
        return torch.from_numpy(mask)
    try:
        with Image.open(hide) as image:
            pixels = np.asarray(image.convert("L"))
    except (OSError, UnidentifiedImageError) as error:
        raise InputError(
            f"hide {hide!r} is no method, no rectangle top,left,height,width and no image file that can be read"
        ) from error
    if pixels.shape != size:
        raise InputError(f"the mask {hide} has {pixels.shape[0]}×{pixels.shape[1]} pixels, the images {height}×{width}")
    if not pixels.any():
        raise InputError(f"the mask {hide} is all black: it hides nothing; what is not black is hidden")
    return torch.from_numpy(pixels > 0)
