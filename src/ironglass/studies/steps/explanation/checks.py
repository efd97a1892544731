"""Checks over the maps of many images: shortcut regions, and agreement with evidence that is known."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ironglass.data.sources.planted import evidence, marks
from ironglass.measure.maps.attribution import image_maps, mass_inside, pointing_game
from ironglass.measure.maps.shortcuts import try_regions
from ironglass.measure.statistics import mean_interval, wilson
from ironglass.run import Run
from ironglass.studies.common.progress import Tell
from ironglass.studies.steps.explanation.run import Explanations, batch_file, read_look

BY = ("integrated-gradients", "occlusion", "input-x-gradient")
"""Methods whose maps show pixels and whose signs say for or against, the surest first: by these shortcuts are found."""

FEW, MANY = 50, 2000
"""Images below which the maps have too little in common, and beyond which they tell nothing new but fill memory."""


def look_for_shortcuts(run: Run, explanations: Explanations, tell: Tell) -> None:
    """Records `shortcuts`: fixed places where a class's maps meet, and what pasting them does. Nothing where no method
    of BY is among the methods, the predicted class is not the one explained, or the images are too few or chosen."""
    settings = explanations.settings
    by = next((name for name in BY if name in explanations.methods), None)
    drawn = settings.images in ("random", "all") and settings.target == "predicted"
    if by is None or not drawn or len(explanations.split) < FEW:
        return
    maps = _maps(run, explanations, by)[:MANY]
    places = try_regions(
        explanations.classifier,
        explanations.split.take(slice(len(maps))),
        maps,
        seed=explanations.plan.seed,
        progress=lambda done, of: tell("looking for shortcuts", done, of, ""),
    )
    run.record("shortcuts", {"by": by, "n": len(maps), "places": places})


def compare_with_evidence(run: Run, explanations: Explanations) -> None:
    """Records `evidence`: on planted data, how much of each method's maps lies where the evidence was put."""
    if not explanations.plan.dataset.startswith("planted"):
        return
    split = explanations.split.take(slice(MANY))
    where = {"shape": torch.from_numpy(evidence(split))}
    if (marked := torch.from_numpy(marks(split))).any():
        where["mark"] = marked
    found: dict[str, Any] = {}
    for name in explanations.methods:
        maps = _maps(run, explanations, name)[:MANY]
        found[name] = {
            place: {
                "mass": mean_interval(mass_inside(maps, masks).numpy(), within=(0, 1)),
                "points": wilson(int(pointing_game(maps, masks).sum()), len(masks)),
            }
            for place, masks in where.items()
        }
    areas = {place: float(masks.double().mean()) for place, masks in where.items()}
    run.record("evidence", {"n": len(split), "areas": areas, "methods": found})


def _maps(run: Run, explanations: Explanations, method: str) -> Tensor:
    """The method's maps of the first MANY unchanged images or a few more, one number a pixel: (n, h, w)."""
    size = explanations.split.pixels.shape[1], explanations.split.pixels.shape[2]
    enough = -(-MANY // explanations.settings.batch)
    return torch.cat(
        [
            image_maps(read_look(batch_file(run, "clean", number), [method])[1][method], size)
            for number in range(min(explanations.count, enough))
        ]
    )
