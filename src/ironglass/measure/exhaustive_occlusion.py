"""Occlusion robustness by exhaustion: is there any place at all where a patch changes the answer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.explain.methods.occlusion import occluded_scores
from ironglass.explain.parts.fill import Fill
from ironglass.explain.parts.patch_grid import positions
from ironglass.measure.statistics import wilson
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches, logits_of
from ironglass.types import Progress


@dataclass(frozen=True)
class OcclusionRobustness:
    """Result of the search.

    numbers: what may stand in a file of results.
    smallest: (n,), each image's smallest size of a patch that flips its prediction somewhere, 0 where none of those
        tried does.

    flipped: (n, sizes), whether some place of a patch of that size flips the prediction.
    """

    numbers: dict[str, Any]
    smallest: np.ndarray
    flipped: np.ndarray


def occlusion_robustness(
    classifier: Classifier,
    split: Split,
    sizes: Sequence[int],
    stride: int,
    fill: Fill = "grey",
    *,
    mean: Sequence[float] | None = None,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> OcclusionRobustness:
    """Returns whether any k×k patch flips an image's prediction: every place is tried, so no search can have missed
    one.

    robust accuracy at k = share of images that are right, and stay so with a patch of k pixels at every place

    sizes: k in pixels. stride: pixels between places, see `positions`; a guarantee for every place needs 1. fill: see
    `fill_images`; a chosen colour is a tensor (c, 1, 1). mean: the data's mean colour, for fill "mean". The numbers
    hold `stride`, `n`, `clean` (rate), `sizes` [{`size`, `positions`, `accuracy` (rate), `flipped` (rate: images whose
    prediction changes somewhere, right or wrong)}] in ascending order, and `smallest` [k, or null where no size flips
    the image]. Each size is tried on its own: a larger patch need not do what a smaller one does. Raises InputError.
    """
    if len(split) == 0:
        raise InputError("the split is empty: there is nothing to occlude")
    tried = sorted(set(sizes))
    if not tried:
        raise InputError("there are no sizes of patches: give at least one, in pixels")
    side = (split.pixels.shape[1], split.pixels.shape[2])
    places = [len(positions(side, size, stride)) for size in tried]
    colour = None if mean is None else tuple(mean)
    predicted = logits_of(classifier, split, batch_size=batch_size).argmax(1)
    flipped = np.zeros((len(split), len(tried)), dtype=bool)
    done = 0
    for images, labels in batches(split, batch_size, classifier.device):
        check_labels(labels, len(images), len(classifier.classes))
        these = slice(done, done + len(images))
        for i, size in enumerate(tried):
            same = occluded_scores(
                classifier, images, predicted[these], patch=size, stride=stride, fill=fill, mean=colour, score="right"
            )
            flipped[these, i] = (same == 0).any(1).cpu().numpy()
            if progress:
                progress(done * len(tried) + (i + 1) * len(images), len(split) * len(tried))
        done += len(images)
    return _result(predicted.numpy() == split.labels, flipped, tried, places, stride)


def _result(
    right: np.ndarray, flipped: np.ndarray, tried: list[int], places: list[int], stride: int
) -> OcclusionRobustness:
    """right: (n,), whether the unpatched images are. flipped: (n, sizes). places: how many there are of each size."""
    smallest = np.where(flipped.any(1), np.asarray(tried)[flipped.argmax(1)], 0)
    numbers = {
        "stride": stride,
        "n": len(right),
        "clean": wilson(int(right.sum()), len(right)),
        "sizes": [
            {
                "size": size,
                "positions": count,
                "accuracy": wilson(int((right & ~changed).sum()), len(right)),
                "flipped": wilson(int(changed.sum()), len(changed)),
            }
            for size, count, changed in zip(tried, places, flipped.T, strict=True)
        ],
        "smallest": [int(size) or None for size in smallest],
    }
    return OcclusionRobustness(numbers, smallest, flipped)
