"""Checks over the maps of many images: shortcut regions, and agreement with evidence that is known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ironglass.data.sources.planted import evidence, marks
from ironglass.measure.maps.attribution import image_maps, mass_inside, pointing_game
from ironglass.measure.maps.shortcuts import try_regions
from ironglass.measure.statistics import counted_rate, mean_interval
from ironglass.run import Run
from ironglass.studies.common.progress import Tell
from ironglass.studies.steps.explanation.run import Explanations, batch_file, read_explained

BY = ("integrated-gradients", "occlusion", "input-x-gradient")
"""Methods whose maps show pixels and whose signs say for or against, the surest first: by these shortcuts are found."""

MIN_IMAGES, MAX_IMAGES = 50, 2000
"""Images below which the maps have too little in common, and beyond which they tell nothing new but fill memory."""


def find_shortcuts(run: Run, explanations: Explanations, progress: Tell) -> None:
    """Records `shortcuts`: fixed places where a class's maps meet, and what pasting them does. Nothing where no method
    of BY is among the methods, the predicted class is not the one explained, or the images are too few or chosen."""
    settings = explanations.settings
    by = next((name for name in BY if name in explanations.methods), None)
    drawn = settings.images in ("random", "all") and settings.target == "predicted"
    if by is None or not drawn or len(explanations.split) < MIN_IMAGES:
        return
    maps = _maps(run, explanations, by)[:MAX_IMAGES]
    regions = try_regions(
        explanations.classifier,
        explanations.split.take(slice(len(maps))),
        maps,
        seed=explanations.plan.seed,
        progress=lambda done, of: progress("looking for shortcuts", done, of, ""),
    )
    run.record("shortcuts", {"by": by, "n": len(maps), "places": regions})


def compare_with_evidence(run: Run, explanations: Explanations) -> None:
    """Records `evidence`: on planted data, how much of each method's maps lies where the evidence was put."""
    if not explanations.plan.dataset.startswith("planted"):
        return
    split = explanations.split.take(slice(MAX_IMAGES))
    where = {"shape": torch.from_numpy(evidence(split))}
    if (marked := torch.from_numpy(marks(split))).any():
        where["mark"] = marked
    agreement: dict[str, Any] = {}
    for name in explanations.methods:
        maps = _maps(run, explanations, name)[:MAX_IMAGES]
        agreement[name] = {
            region: {
                "mass": mean_interval(mass_inside(maps, masks).numpy(), within=(0, 1)),
                "points": counted_rate(int(pointing_game(maps, masks).sum()), len(masks)),
            }
            for region, masks in where.items()
        }
    areas = {region: float(masks.double().mean()) for region, masks in where.items()}
    run.record("evidence", {"n": len(split), "areas": areas, "methods": agreement})


def _maps(run: Run, explanations: Explanations, method: str) -> Tensor:
    """The method's maps of the first MAX_IMAGES unchanged images or a few more, one number a pixel: (n, h, w)."""
    size = explanations.split.pixels.shape[1], explanations.split.pixels.shape[2]
    enough = -(-MAX_IMAGES // explanations.settings.batch)
    return torch.cat(
        [
            image_maps(read_explained(batch_file(run, "clean", number), [method])[1][method], size)
            for number in range(min(explanations.count, enough))
        ]
    )
