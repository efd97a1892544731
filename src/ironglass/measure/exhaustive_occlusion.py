"""Occlusion robustness by exhaustive search over all positions of a patch."""

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
from ironglass.measure.statistics import rate_of
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches, logits_of
from ironglass.types import Progress


@dataclass(frozen=True)
class OcclusionRobustness:
    """Result of the search.

    numbers: JSON-ready numbers.
    smallest: (n,), the smallest tested patch size that flips the image's prediction at some position; 0 where none
        does.
    flipped: (n, sizes), True where a patch of that size flips the prediction at some position.
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
    """Tests for each image whether any k×k patch flips its prediction, at every position on the grid.

    robust accuracy at k = share of images that are right, and stay so with a patch of k pixels at every position

    sizes: k in pixels.
    stride: pixels between positions, see `positions`; a guarantee for every position needs 1.
    fill: see `fill_images`; any colour as a tensor (c, 1, 1).
    mean: the data's mean colour, for fill "mean".

    The numbers hold `stride`, `n`, `clean` (rate), `sizes` [{`size`, `positions`, `accuracy` (rate), `flipped` (rate:
    images whose prediction changes at some position, right or wrong)}] in ascending order, and `smallest` [k, or null
    where no size flips the image]. Each size is tested by itself: a larger patch need not flip what a smaller one does.
    Raises InputError.
    """
    if len(split) == 0:
        raise InputError("the split is empty: there is nothing to occlude")
    sorted_sizes = sorted(set(sizes))
    if not sorted_sizes:
        raise InputError("there are no sizes of patches: give at least one, in pixels")
    side = (split.pixels.shape[1], split.pixels.shape[2])
    counts = [len(positions(side, size, stride)) for size in sorted_sizes]
    colour = None if mean is None else tuple(mean)
    predicted = logits_of(classifier, split, batch_size=batch_size).argmax(1)
    flipped = np.zeros((len(split), len(sorted_sizes)), dtype=bool)
    done = 0
    for images, labels in batches(split, batch_size, classifier.device):
        check_labels(labels, len(images), len(classifier.classes))
        rows = slice(done, done + len(images))
        for i, size in enumerate(sorted_sizes):
            unchanged = occluded_scores(
                classifier, images, predicted[rows], patch=size, stride=stride, fill=fill, mean=colour, score="right"
            )
            flipped[rows, i] = (unchanged == 0).any(1).cpu().numpy()
            if progress:
                progress(done * len(sorted_sizes) + (i + 1) * len(images), len(split) * len(sorted_sizes))
        done += len(images)
    return _result(predicted.numpy() == split.labels, flipped, sorted_sizes, counts, stride)


def _result(
    right: np.ndarray, flipped: np.ndarray, sizes: list[int], counts: list[int], stride: int
) -> OcclusionRobustness:
    """The numbers. right: (n,), of the unpatched images. flipped: (n, sizes). counts: number of positions by size."""
    smallest = np.where(flipped.any(1), np.asarray(sizes)[flipped.argmax(1)], 0)
    numbers = {
        "stride": stride,
        "n": len(right),
        "clean": rate_of(right),
        "sizes": [
            {
                "size": size,
                "positions": count,
                "accuracy": rate_of(right & ~changed),
                "flipped": rate_of(changed),
            }
            for size, count, changed in zip(sizes, counts, flipped.T, strict=True)
        ],
        "smallest": [int(size) or None for size in smallest],
    }
    return OcclusionRobustness(numbers, smallest, flipped)
