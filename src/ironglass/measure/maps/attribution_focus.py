"""Concentration of each layer's evidence, and its agreement with occlusion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ironglass.data.dataset import Split
from ironglass.explain.methods.grad_cam import GradCAM, upsample
from ironglass.explain.methods.occlusion import Occlusion
from ironglass.measure.ranks import mean_ranks
from ironglass.measure.statistics import counted_rate, mean_interval
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches
from ironglass.types import Maps

# Below this share of a map's largest value, differences are the rounding of the interpolation.
FLAT = 1e-5


def attribution_focus(
    classifier: Classifier,
    layers: tuple[str, ...],
    split: Split,
    *,
    patch: int,
    stride: int,
    batch_size: int = 64,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, dict[str, Any]]:
    """By layer: `concentration` (mean), `agreement` (mean or None) and `positive` (rate), for the predicted class.

    `positive` is the share of images with any positive evidence in the layer's map.
    """
    explainer, occlusion = GradCAM(layers=layers), Occlusion(patch=patch, stride=stride)
    concentrations: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    agreements: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    positive: dict[str, int] = dict.fromkeys(layers, 0)
    for images, _ in batches(split, batch_size, classifier.device):
        with eval_without_grad(classifier), torch.no_grad():
            predicted = classifier(images).argmax(1)
        hidden = centred_ranks(occlusion(classifier, images, predicted))
        # one backward pass holds every layer's output at once: fewer images at a time
        for part in torch.arange(len(images)).split(16):
            for name, maps in explainer(classifier, images[part], predicted[part]).items():
                maps = upsample(maps, (images.shape[2], images.shape[3])).cpu()
                concentrations[name].append(concentration(maps))
                agreements[name].append(correlation_of_ranks(centred_ranks(maps), hidden[part.numpy()]))
                positive[name] += int((maps.flatten(1) > 0).any(1).sum())
        tick()
    focus = {}
    for name in layers:
        agreeing = np.concatenate(agreements[name])
        agreeing = agreeing[~np.isnan(agreeing)]
        focus[name] = {
            "concentration": mean_interval(np.concatenate(concentrations[name]), within=(0, 1)),
            "agreement": mean_interval(agreeing, within=(-1, 1)) if len(agreeing) else None,
            "positive": counted_rate(positive[name], len(split)),
        }
    return focus


def concentration(maps: Maps) -> np.ndarray:
    """Share of each map's positive mass in the highest tenth of its pixels; a tenth for a map without positive mass."""
    mass = maps.flatten(1).clamp_min(0).double()
    highest = mass.topk(max(1, round(0.1 * mass.shape[1])), dim=1).values.sum(1)
    total = mass.sum(1)
    return torch.where(total > 0, highest / total, 0.1).numpy()


def rank_correlation(first: Maps, second: Maps) -> np.ndarray:
    """Spearman's rank correlation of each pair of maps; NaN where one of them is constant."""
    return correlation_of_ranks(centred_ranks(first), centred_ranks(second))


def centred_ranks(maps: Maps) -> np.ndarray:
    """Ranks of each map's values, centred and of length 1; NaN for a constant map."""
    values = maps.flatten(1).double().cpu().numpy()
    ranks = mean_ranks(values)
    ranks -= ranks.mean(1, keepdims=True)
    flat = np.ptp(values, axis=1) <= FLAT * np.abs(values).max(1)
    length = np.linalg.norm(ranks, axis=1)
    ranks /= np.where(flat, 1, length)[:, None]
    ranks[flat] = np.nan
    return ranks


def correlation_of_ranks(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`rank_correlation` of maps from their `centred_ranks`, each (n, pixels)."""
    return (first * second).sum(1)
