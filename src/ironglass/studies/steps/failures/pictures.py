"""Pictures of the images on which a classifier fails, and maps of both classes of a confused pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save
from torch.nn import functional as F

from ironglass.data.dataset import Split
from ironglass.explain import GradCAM, explain
from ironglass.measure.failures.numbers import Answers, FailurePositions
from ironglass.measure.maps.attribution import image_maps, last_layer
from ironglass.run import Run
from ironglass.studies.steps.context import AuditContext, explained_patch
from ironglass.studies.steps.explanation.run import Explanations

SIDE = 128
"""Pixels of a picture's longer side; smaller images stay as they are."""
PREFERRED = "grad-cam"
BLIND_TO_CLASS = "attention-rollout"
"""A method whose maps are the same for every class."""


def map_method(context: AuditContext) -> tuple[str, Any] | None:
    """Label and explainer of the plan's method for maps of confused classes; None where the plan has none."""
    plan, classifier = context.plan, context.classifier
    if plan.methods:
        patch, stride = explained_patch(plan, context.patch, context.stride)
        methods = Explanations(plan, classifier, context.split, patch, stride, context.learning).methods
        names = [name for name in methods if name != BLIND_TO_CLASS]
        name = PREFERRED if PREFERRED in names else next(iter(names), None)
        return None if name is None else (getattr(methods[name], "label", name), methods[name])
    if plan.layers is not None and classifier.convolutions():
        return GradCAM.label, GradCAM()
    return None


def confused_maps(context: AuditContext, positions: Sequence[int], answers: Answers, explainer: Any) -> np.ndarray:
    """Maps of the true and of the predicted class of each image, float32 (n, 2, h', w'), at most SIDE pixels a side."""
    context.progress("explaining confused classes", 0, 1, "")
    index = np.array(positions)
    images, labels = context.split[index]
    images = images.to(context.classifier.device)
    predictions = torch.from_numpy(answers.predictions[index])
    maps: list[torch.Tensor] = []
    for targets in (labels, predictions):
        by_layer = explain(context.classifier, images, targets, explainer)
        part = by_layer[last_layer(by_layer)] if isinstance(by_layer, dict) else by_layer
        maps.append(image_maps(part, (part.shape[2], part.shape[3])).detach().float().cpu())
    both = torch.stack(maps, dim=1)
    if max(both.shape[2:]) > SIDE:
        share = SIDE / max(both.shape[2:])
        both = F.adaptive_avg_pool2d(both, [max(1, round(side * share)) for side in both.shape[2:]])
    return np.ascontiguousarray(both.numpy())


def write_pictures(run: Run, split: Split, positions: FailurePositions, maps: np.ndarray | None) -> None:
    """Writes `failures.safetensors` and `failures.json` (see docs/run-folder.md)."""
    shown_positions = [*positions.losses, *positions.pairs, *(i for part in positions.slices for i in part)]
    numbers = {position: number for number, position in enumerate(dict.fromkeys(shown_positions))}
    tensors = {str(number): thumbnail(split.stored(np.array([position]))[0]) for position, number in numbers.items()}
    if maps is not None:
        tensors["maps"] = maps
    facts = {
        "losses": [numbers[i] for i in positions.losses],
        "pairs": [numbers[i] for i in positions.pairs],
        "slices": [[numbers[i] for i in part] for part in positions.slices],
        "names": [split.names[i] for i in numbers],
    }
    with run.atomic(run.path / "failures.safetensors") as path:
        path.write_bytes(save(tensors))
    run.write("failures.json", facts)


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """The image (h, w, c), uint8 or float in [0, 1], in colour, uint8, its longer side at most SIDE pixels."""
    if pixels.dtype != np.uint8:
        pixels = (np.clip(np.nan_to_num(pixels), 0, 1) * 255).round().astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    if max(image.size) > SIDE:
        share = SIDE / max(image.size)
        size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
        image = image.resize(size, Image.Resampling.BOX)
    return np.ascontiguousarray(np.asarray(image))
