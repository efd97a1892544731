"""Quality of explanation methods on the same images: insertion, deletion, sensitivity, and the sanity check."""

from __future__ import annotations

import math
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain import GuidedBackprop, Saliency, SmoothGrad
from ironglass.measure.maps.attribution import deletion, image_maps, insertion, sensitivity
from ironglass.measure.maps.sanity import DEPTHS, edges, noise, sanity_check
from ironglass.measure.statistics import Rate, mean_interval
from ironglass.models.checks import check_images, check_labels
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps, Progress

GRADIENTS = (Saliency, SmoothGrad, GuidedBackprop)
"""Methods whose sign is the direction in which to change a pixel, not evidence for or against the target: as in their
papers, absolute values are used."""


def quality(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    explainers: dict[str, Any],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Numbers for each method on these images, ready for JSON.

    `n`; `methods` {name: {`insertion`, `deletion`, `sensitivity` (means, see `attribution`; sensitivity None where
    every map is zero), `gap` (mean of |gap| / |what the map should add up to|, of methods that promise it, else None),
    `seconds` (an image)}}; `controls` {`random`, `edges`: {`insertion`, `deletion`}}, baselines that do not use the
    network; `sanity`, see `sanity_check`, None for a single image and for a network without accessible weights, as of
    ONNX.

    images: float32 (n, c, h, w) in [0, 1].
    targets: int64 (n,).

    Maps of the methods in GRADIENTS order pixels by absolute value. Raises InputError.
    """
    check_images(images, classifier.channels)
    check_labels(targets, len(images), len(classifier.classes))
    images, targets = images.to(classifier.device), targets.to(classifier.device)
    method_steps, sanity_steps = 2 * len(explainers) + 2, (DEPTHS + 1) * len(explainers)
    done = 0

    def tick(part: float = 1) -> None:
        nonlocal done
        done += part
        if progress:
            progress(round(done), method_steps + sanity_steps)

    methods = {
        name: _measured(name, explainer, classifier, images, targets, seed=seed, tick=tick)
        for name, explainer in explainers.items()
    }
    controls = {"random": noise(images, torch.Generator().manual_seed(seed)), "edges": edges(images)}
    scored = {}
    for name, maps in controls.items():
        scored[name] = _areas(classifier, images, targets, maps)
        tick()
    sanity = None
    if len(images) > 1 and any(True for _ in classifier.network.parameters()):
        sanity = sanity_check(
            classifier, images, targets, explainers, seed=seed, progress=lambda _, of: tick(sanity_steps / of)
        )
    return {"n": len(images), "methods": methods, "controls": scored, "sanity": sanity}


def _measured(
    name: str,
    explainer: Any,
    classifier: Classifier,
    images: Images,
    targets: Labels,
    *,
    seed: int,
    tick: Callable[[], None],
) -> dict[str, Any]:
    """One method's numbers; `tick` is called twice."""
    start = perf_counter()
    maps = explainer(classifier, images, targets)
    pixel_maps = image_maps(maps, (images.shape[2], images.shape[3]), absolute=isinstance(explainer, GRADIENTS))
    if not pixel_maps.isfinite().all():  # also waits for an accelerator to have finished
        raise InputError(f"{name} gives maps with numbers that are not finite: the network's weights are broken")
    seconds = (perf_counter() - start) / len(images)
    measured: dict[str, Any] = _areas(classifier, images, targets, pixel_maps)
    tick()
    changes = sensitivity(classifier, images, targets, explainer, maps, seed=seed)
    measured["sensitivity"] = _mean(changes)
    measured["gap"] = _gap(classifier, images, targets, explainer, maps)
    measured["seconds"] = seconds
    tick()
    return measured


def _areas(classifier: Classifier, images: Images, targets: Labels, maps: Tensor) -> dict[str, Rate]:
    """Means of insertion and deletion, in the order of these maps (n, h, w)."""
    scores = {"insertion": insertion, "deletion": deletion}
    return {
        name: mean_interval(score(classifier, images, targets, maps).cpu().numpy(), within=(0, 1))
        for name, score in scores.items()
    }


def _gap(
    classifier: Classifier, images: Images, targets: Labels, explainer: Any, maps: Maps | dict[str, Maps]
) -> Rate | None:
    if not hasattr(explainer, "gap") or isinstance(maps, dict):
        return None
    gap = explainer.gap(classifier, images, targets, maps).double()
    change = maps.flatten(1).double().sum(1) - gap
    return _mean(gap.abs() / torch.where(change == 0, math.nan, change.abs()))


def _mean(values: Tensor) -> Rate | None:
    """Mean over the values that are not NaN; None where all are."""
    numbers = values.double().cpu().numpy()
    numbers = numbers[~np.isnan(numbers)]
    return mean_interval(numbers, within=(0, math.inf)) if len(numbers) else None
