"""Accuracy when a patch of every image is covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.explain.methods.occlusion import occluded_scores
from ironglass.explain.parts.patch_grid import positions
from ironglass.measure.statistics import rate_of, share_interval
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches, logits_of, predicted
from ironglass.types import Progress


def occlusion_accuracy(
    classifier: Classifier,
    split: Split,
    *,
    patch: int,
    stride: int,
    masks: Sequence[str] = ("grey", "black", "mean", "blur"),
    mean: Sequence[float] | None = None,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The section `occlusion` of `results.json`: accuracy under each mask.

    For each mask, `mean` is the accuracy averaged over a fixed grid of positions, with an interval over images, and
    `worst` the share of images still right at every position. patch, stride: pixels, see `positions`. masks: fills, see
    `fill_images`. mean: the data's mean colour, for the mask "mean". Raises InputError.
    """
    if len(split) == 0:
        raise InputError("the split is empty: there is nothing to occlude")
    height, width = split.pixels.shape[1:3]
    count = len(positions((height, width), patch, stride))
    clean = predicted(logits_of(classifier, split, batch_size=batch_size)).numpy() == split.labels
    colour = None if mean is None else tuple(mean)
    right: list[list[np.ndarray]] = [[] for _ in masks]
    done = 0
    for images, labels in batches(split, batch_size, classifier.device):
        check_labels(labels, len(images), len(classifier.classes))
        for parts, mask in zip(right, masks, strict=True):
            scores = occluded_scores(
                classifier, images, labels, patch=patch, stride=stride, fill=mask, mean=colour, score="right"
            )
            parts.append(scores.cpu().numpy())
            done += len(images)
            if progress:
                progress(done, len(split) * len(masks))
    return {
        "patch": patch,
        "stride": stride,
        "positions": count,
        "n": len(split),
        "clean": rate_of(clean),
        "masks": [
            {
                "name": mask,
                "mean": share_interval(scores_of.mean(1)),
                "worst": rate_of(np.asarray(scores_of.all(1))),
            }
            for mask, scores_of in zip(masks, map(np.concatenate, right), strict=True)
        ],
    }
