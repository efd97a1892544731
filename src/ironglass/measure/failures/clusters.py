"""Clusters of images by a network's features."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ironglass.data.dataset import Split
from ironglass.data.positions import spread_positions
from ironglass.measure.failures.groupings import Grouping
from ironglass.models.classifier import Classifier
from ironglass.models.features import penultimate_features
from ironglass.types import Progress

MOST_CLUSTERS, IMAGES_EACH = 20, 50
"""Clusters at most, and images of a cluster on average at least."""
MOST_IMAGES, MOST_NUMBERS = 5000, 2**26
"""Images that are clustered, spread evenly over the split; and numbers of their features: 256 MiB."""
DIMENSIONS = 64
ROUNDS = 30


def cluster_grouping(
    classifier: Classifier, split: Split, classes: Sequence[str], *, seed: int, progress: Progress | None = None
) -> Grouping | None:
    """K-means clusters of what the last linear layer reads, named by number and commonest class.

    Clusters know neither predictions nor whether they are right. Features of more than 64 dimensions are projected at
    random, which keeps distances (Johnson and Lindenstrauss 1984). None where the network has no such layer, or the
    images are too few for two clusters.
    """
    if len(split) < 2 * IMAGES_EACH:
        return None
    sample = penultimate_features(classifier, split.take(np.arange(1)))
    if sample is None:
        return None
    positions = spread_positions(len(split), min(MOST_IMAGES, MOST_NUMBERS // sample.shape[1]))
    count = min(MOST_CLUSTERS, len(positions) // IMAGES_EACH)
    features = penultimate_features(classifier, split.take(positions), progress) if count > 1 else None
    if features is None:
        return None
    assigned = clusters(features, count, seed)
    codes = np.full(len(split), -1)
    codes[positions] = assigned
    labels = split.labels[positions]
    names = [_name(number, labels[assigned == number], classes) for number in range(int(assigned.max()) + 1)]
    return Grouping("cluster", "cluster", tuple(names), codes)


def clusters(features: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The cluster of each row by k-means (k-means++, Arthur and Vassilvitskii 2007), int64 (n,), the largest first.

    features: float32 (n, d).
    """
    from scipy.cluster.vq import kmeans2  # late: only runs that evaluate need it

    random = np.random.default_rng(seed)
    points = features - features.mean(0)
    if points.shape[1] > DIMENSIONS:
        points = points @ random.normal(size=(points.shape[1], DIMENSIONS)).astype(np.float32)
    points = points.astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a cluster that loses all its images is no fault
        _, codes = kmeans2(points, _starts(points, count, random), iter=ROUNDS, minit="matrix")
    sizes = np.bincount(codes, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    return rank[codes]


def _starts(points: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """The first centres, each drawn in proportion to its squared distance from those before."""
    centres = [points[int(random.integers(len(points)))]]
    nearest = np.full(len(points), np.inf)
    for _ in range(count - 1):
        nearest = np.minimum(nearest, ((points - centres[-1]) ** 2).sum(1))
        total = nearest.sum()
        shares = nearest / total if total > 0 else None  # all alike
        centres.append(points[int(random.choice(len(points), p=shares))])
    return np.stack(centres)


def _name(number: int, labels: np.ndarray, classes: Sequence[str]) -> str:
    counts = np.bincount(labels, minlength=len(classes))
    commonest = int(counts.argmax())
    return f"{number + 1} ({100 * counts[commonest] / max(1, len(labels)):.0f} % {classes[commonest]})"
