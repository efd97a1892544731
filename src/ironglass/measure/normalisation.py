"""Comparison of the assumed normalisation with alternatives, by accuracy on a few images."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ironglass.data.dataset import Split
from ironglass.measure.statistics import holm, mcnemar
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.normalisation import PRESETS, stated
from ironglass.types import Images

IMAGES = 64
_LEVEL = 0.01


def compare_normalisations(classifier: Classifier, split: Split) -> dict[str, Any]:
    """Counts how many of 64 images, evenly spaced over the split, are right under the classifier's normalisation and
    under each alternative: the presets, and the images' own mean and deviation.

    `better` names the most accurate alternative among those that are significantly better by McNemar's test with Holm's
    correction at 1 %; None where there is none. The classifier is unchanged.
    """
    images, labels = split[np.linspace(0, len(split) - 1, min(IMAGES, len(split))).round().astype(np.int64)]
    images, labels = images.to(classifier.device), labels.to(classifier.device)
    current = (classifier.mean.flatten().tolist(), classifier.std.flatten().tolist())
    presets = {name: stated(None, None, name, classifier.channels) for name in PRESETS}
    alternatives = {name: both for name, both in presets.items() if both is not None and not np.allclose(both, current)}
    std = images.std((0, 2, 3))
    if bool((std > 0).all()):
        alternatives["the data's own"] = (images.mean((0, 2, 3)).tolist(), std.tolist())
    before = _right(classifier, images, labels, *current)
    rows = {}
    for name, (mean, deviation) in alternatives.items():
        after = _right(classifier, images, labels, mean, deviation)
        rows[name] = {"right": int(after.sum()), "mean": mean, "std": deviation, "p": mcnemar(before, after)["p"]}
    significant = holm([row["p"] for row in rows.values()], _LEVEL)
    clear = [
        name
        for name, is_significant in zip(rows, significant, strict=True)
        if is_significant and rows[name]["right"] > before.sum()
    ]
    better = max(clear, key=lambda name: rows[name]["right"], default=None)
    return {"n": len(labels), "right": int(before.sum()), "alternatives": rows, "better": better}


def warning(result: dict[str, Any], split: str = "validation") -> str:
    """The warning that another normalisation is clearly better on images of the split; "" where none is."""
    name = result["better"]
    if name is None:
        return ""
    row = result["alternatives"][name]
    numbers = "".join(f" --{field} {','.join(f'{value:.3f}' for value in row[field])}" for field in ("mean", "std"))
    option = f"--normalise {name}" if name in PRESETS else numbers.strip()
    return (
        f"warning: of {result['n']} {split} images {result['right']} are read right as images are normalised here, and"
        f" {row['right']} under {option}: give it if the network was trained so"
    )


@torch.no_grad()
def _right(classifier: Classifier, images: Images, labels: Tensor, mean: list[float], std: list[float]) -> np.ndarray:
    """Flags of the images that are right when normalised by this mean and deviation, bool (n,)."""
    other_mean, other_std = (torch.tensor(values, device=images.device).view(1, -1, 1, 1) for values in (mean, std))
    renormalised = (
        images - other_mean
    ) / other_std * classifier.std + classifier.mean  # the classifier then undoes its own
    with eval_without_grad(classifier):
        return (classifier(renormalised).argmax(1) == labels).cpu().numpy()
