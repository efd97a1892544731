"""Accuracy when a patch of every image is covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.explain.methods.occlusion import occluded_scores_by_fill
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
    clean = predicted(logits_of(classifier, split, batch_size=batch_size)).numpy() == split.labels
    options: dict[str, Any] = {"patch": patch, "stride": stride, "mean": None if mean is None else tuple(mean)}
    right: list[np.ndarray] = []
    done = 0

    def finished(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, len(split) * len(masks))

    options |= {"fills": masks, "score": "right", "finished": finished}
    for images, labels in batches(split, batch_size, classifier.device):
        check_labels(labels, len(images), len(classifier.classes))
        scores = occluded_scores_by_fill(classifier, images, labels, **options)
        right.append(scores.cpu().numpy())
    return {
        "patch": patch,
        "stride": stride,
        "positions": len(positions((split.pixels.shape[1], split.pixels.shape[2]), patch, stride)),
        "n": len(split),
        "clean": rate_of(clean),
        "masks": [
            {
                "name": mask,
                "mean": share_interval(scores_of.mean(1)),
                "worst": rate_of(np.asarray(scores_of.all(1))),
            }
            for mask, scores_of in zip(masks, np.concatenate(right, axis=1), strict=True)
        ],
    }
