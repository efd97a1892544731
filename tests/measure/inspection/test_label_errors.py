"""Flipped labels are named, and right labels are left alone."""

import numpy as np
import pytest

from ironglass.measure.inspection.cross_validated import FOLDS, RIDGE, STEPS, cross_validated
from ironglass.measure.inspection.label_errors import confident_count, flip_trial, label_suspects, worth_a_look
from ironglass.measure.inspection.patch_features import patch_features


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
    assert np.mean([len(suspects(*clouds(2000, 4, apart, seed))) for seed in range(1, 5)]) <= 0.04 * 2000


def test_a_rare_class_that_overlaps_a_common_one_is_not_named_as_a_whole() -> None:
    """Of 20 images of the rare class, all of right labels, 4 are named on average, and were 12."""
    named: list[int] = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        labels = np.repeat([0, 1], [380, 20])
        features = random.normal(size=(400, 16)) + 1.5 * labels[:, None] * np.eye(16)[0]
        named.append(int((labels[suspects(features, labels)] == 1).sum()))
    assert np.mean(named) <= 5


def test_too_few_flips_named_say_nothing() -> None:
    """30 images have one flip: that it is named says nothing of the names."""
    features, labels = clouds(30, 2, 8.0, 0)
    assert flip_trial(features, labels, 0).ceiling is None


def test_where_classes_cannot_be_told_apart_none_is_named() -> None:
    features, labels = clouds(1000, 3, 0.0, 2)
    trial = flip_trial(features, labels, 0)
    assert trial.ceiling is None
    assert trial.with_look > 100
    assert not trial.look_helps, "half of all labels, drawn at random, are no list"


def test_confident_learning_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.1, 0.9], [0.2, 0.8]])
    result = label_suspects(probabilities, np.array([0, 0, 0, 1, 1]), 0.1, most=0.5)
    assert result.positions.tolist() == [2]
    assert result.suggested.tolist() == [1]
    assert result.score.tolist() == [0.05]
    assert label_suspects(probabilities, np.array([0, 0, 0, 1, 1]), None).positions.tolist() == []


def test_the_count_and_what_is_worth_a_look_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.3, 0.7], [0.1, 0.9], [0.2, 0.8], [0.4, 0.6]])
    labels = np.array([0, 0, 0, 0, 1, 1, 1])
    # thresholds are 0.5125 and 0.7667: of label 0 two images pass their own, one passes the other class's, and one
    # none, so that a third of the four are expected to be wrong, which is one; of label 1 none
    assert confident_count(probabilities, labels) == 1
    assert worth_a_look(probabilities, labels, 0).positions.tolist() == [2]
    assert worth_a_look(probabilities, labels, 1).positions.tolist() == []
    assert worth_a_look(probabilities, labels, 5).positions.tolist() == []


def test_both_lists_hold_as_many_flips_as_confident_learning_estimates() -> None:
    features, labels = clouds(2000, 4, 1.5, 0)
    random = np.random.default_rng(0)
    flips = random.permutation(2000)[:60]
    labels[flips] = (labels[flips] + random.integers(1, 4, 60)) % 4
    trial = flip_trial(features, labels, 0)
    probabilities = cross_validated(features, labels, 0)
    first = label_suspects(probabilities, labels, trial.ceiling).positions
    further = worth_a_look(probabilities, labels, len(first)).positions
    assert not set(first) & set(further)
    assert len(first) + len(further) == max(len(first), confident_count(probabilities, labels))
    assert np.isin(further, flips).sum() > 0, "so that it adds to what is found"
    assert trial.caught_with_look > trial.caught
    assert trial.look_helps
    assert trial.caught_with_look <= trial.with_look


def test_the_regression_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    features, labels = clouds(600, 4, 2.0, 5)
    ours = cross_validated(features, labels, 0, repeats=1)
    scaled = features - features.mean(0)
    scaled *= 16 / np.sqrt((scaled**2).sum(1).mean())
    model = LogisticRegression(C=RIDGE, max_iter=STEPS, tol=1e-3).fit(scaled, labels)
    theirs = model.predict_proba(scaled)
    assert FOLDS == 5
    assert np.abs(ours - theirs).mean() < 0.02, "but for what each image adds to its own fit"


def test_features_tell_textures_apart() -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 255, (200, 48, 48))
    noise[100:, :, 1::2] = noise[100:, :, ::2]  # smeared to the right
    features = patch_features(noise.astype(np.uint8), np.full((200, 4, 4, 2), 128, np.uint8), 0)
    probabilities = cross_validated(features, np.repeat([0, 1], 100), 0)
    assert (probabilities.argmax(1) == np.repeat([0, 1], 100)).mean() > 0.95
