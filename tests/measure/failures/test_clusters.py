"""Clusters of features: blobs are told apart, the same for the same seed, and none where there are no features."""

import numpy as np
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.measure.failures.clusters import cluster_grouping, clusters
from ironglass.models import Classifier


def test_blobs_are_clusters_the_largest_first() -> None:
    random = np.random.default_rng(0)
    sizes = (150, 90, 60)
    truth = np.repeat(np.arange(3), sizes)
    features = (100 * random.normal(size=(3, 500))[truth] + random.normal(size=(300, 500))).astype(np.float32)
    order = random.permutation(300)
    codes = clusters(features[order], 3, seed=0)
    assert (codes == truth[order]).all()
    assert (clusters(features[order], 3, seed=0) == codes).all()


def test_equal_features_are_one_cluster() -> None:
    assert set(clusters(np.ones((120, 3), np.float32), 2, seed=0).tolist()) <= {0, 1}


def test_a_network_without_linear_layer_and_few_images_have_no_clusters() -> None:
    split = Split(np.random.default_rng(0).integers(256, size=(120, 4, 4, 1), dtype=np.uint8), np.arange(120) % 2)
    pooled = nn.Sequential(nn.Conv2d(1, 2, 4), nn.Flatten())
    linear = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with torch.random.fork_rng():
        networks = [
            Classifier(network, mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4).eval()
            for network in (pooled, linear)
        ]
    assert cluster_grouping(networks[0], split, ("a", "b"), seed=0) is None
    assert cluster_grouping(networks[1], split.take(slice(0, 99)), ("a", "b"), seed=0) is None
    grouping = cluster_grouping(networks[1], split, ("a", "b"), seed=0)
    assert grouping is not None
    assert len(grouping.values) == 2
    assert np.bincount(grouping.codes).tolist() == sorted(np.bincount(grouping.codes).tolist(), reverse=True)
    assert grouping.values[0].startswith("1 (")
