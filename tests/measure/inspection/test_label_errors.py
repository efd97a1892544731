"""Flipped labels are named, and right labels are left alone."""

import numpy as np
import pytest

from ironglass.measure.inspection.label_errors import (
    cross_validated,
    flip_trial,
    label_suspects,
    patch_features,
)


def clouds(n: int, classes: int, apart: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    return random.normal(size=(n, 16)) + apart * np.eye(classes, 16)[labels], labels


def suspects(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    ceiling = flip_trial(features, labels, 0).ceiling
    if ceiling is None:
        return np.zeros(0, dtype=int)
    return label_suspects(cross_validated(features, labels, 0), labels, ceiling).positions


@pytest.mark.parametrize("seed", range(3))
def test_planted_flips_are_named(seed: int) -> None:
    features, labels = clouds(2000, 4, 6.0, seed)
    random = np.random.default_rng(seed)
    flips = random.permutation(2000)[:60]
    labels[flips] = (labels[flips] + random.integers(1, 4, 60)) % 4
    named = suspects(features, labels)
    caught = np.isin(named, flips).sum()
    assert caught >= 0.9 * 60
    assert caught >= 0.9 * len(named)


@pytest.mark.parametrize("seed", range(3))
def test_clean_labels_stay_clean(seed: int) -> None:
    assert len(suspects(*clouds(2000, 4, 6.0, seed))) <= 2


@pytest.mark.parametrize("apart", [1.0, 2.0, 3.0])
def test_few_right_labels_are_named_where_classes_overlap(apart: float) -> None:
    assert len(suspects(*clouds(2000, 4, apart, 1))) <= 0.04 * 2000


def test_where_classes_cannot_be_told_apart_none_is_named() -> None:
    features, labels = clouds(1000, 3, 0.0, 2)
    assert flip_trial(features, labels, 0).ceiling is None


def test_confident_learning_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.1, 0.9], [0.2, 0.8]])
    result = label_suspects(probabilities, np.array([0, 0, 0, 1, 1]), 0.1, most=0.5)
    assert result.positions.tolist() == [2]
    assert result.suggested.tolist() == [1]
    assert result.score.tolist() == [0.05]
    assert result.right.tolist() == [True, True, False, True, True]


def test_features_tell_textures_apart() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (200, 48, 48))
    noise[100:, :, 1::2] = noise[100:, :, ::2]  # smeared to the right
    features = patch_features(noise.astype(np.uint8), np.full((200, 4, 4, 2), 128, np.uint8), 0)
    probabilities = cross_validated(features, np.repeat([0, 1], 100), 0)
    assert (probabilities.argmax(1) == np.repeat([0, 1], 100)).mean() > 0.95
