"""Labels that are probably wrong, by confident learning (Northcutt, Jiang and Chuang 2021, arXiv 1911.00068)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ironglass.types import Progress

FOLDS = 5
DIMENSIONS = 256
"""Principal directions that the classifier sees, at most."""
FILTERS, PATCH, STRIDE = 128, 6, 2
LARGEST = 100_000
MARGINS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""By which the other class must be more probable than the label: the least that is precise enough is taken."""
PLANTED = 0.03
"""Share of labels that are flipped on purpose, to see what a margin is worth."""
PRECISE, FALSE = 0.4, 0.04
"""Share of those named that must be flips, and of the labels left alone that may be named, at most: as many of these
may be wrong as were flipped."""
TRIAL_IMAGES = 10_000
"""Images of the trial with flipped labels, at most."""


@dataclass(frozen=True)
class Suspects:
    """Images whose label the others contradict.

    positions: (m,), the least probable label first.
    suggested: (m,), the class that is more probable.
    score: (m,), probability of the label, from a classifier that did not learn from the image.
    right: (n,), whether the label is the most probable class, of all images.
    """

    positions: np.ndarray
    suggested: np.ndarray
    score: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Trial:
    """Worth of a margin on these images, with labels flipped on purpose.

    margin: the least of MARGINS that is precise enough; None where none is.
    flipped, caught: labels that were flipped, and those of them that were named.
    left_alone, named: labels that were not flipped, and those of them that were named.
    """

    margin: float | None
    flipped: int
    caught: int
    left_alone: int
    named: int


def label_suspects(probabilities: np.ndarray, labels: np.ndarray, margin: float) -> Suspects:
    """Chooses the labels that confident learning counts off the diagonal, and of these the sure ones.

    An image counts for another class where that class is as probable as it is on average for images of its own label,
    or one half if that is less, and is the most probable of such classes; it is a suspect where that class is also
    more probable than the label by the margin.

    probabilities: (n, k), of classifiers that did not learn from the image; labels: (n,).
    """
    n, classes = probabilities.shape
    label_probability = probabilities[np.arange(n), labels]
    counts = np.bincount(labels, minlength=classes)
    average = np.bincount(labels, label_probability, classes) / np.maximum(counts, 1)
    threshold = np.where(counts > 0, np.minimum(average, 0.5), np.inf)
    confident = np.where(probabilities >= threshold, probabilities, -1)
    other = confident.argmax(1)
    sure = (
        (confident.max(1) > 0) & (other != labels) & (probabilities[np.arange(n), other] - label_probability >= margin)
    )
    positions = np.flatnonzero(sure)
    positions = positions[np.argsort(label_probability[positions] - probabilities[positions].max(1), kind="stable")]
    return Suspects(positions, other[positions], label_probability[positions], probabilities.argmax(1) == labels)


def flip_trial(features: np.ndarray, labels: np.ndarray, seed: int) -> Trial:
    """Flips PLANTED of the labels at random, and finds the least margin that names flips rather than others.

    Labels that are wrong already count against the margin, which is then the more cautious.
    """
    random = np.random.default_rng([seed, 4])
    drawn = np.sort(random.permutation(len(labels))[:TRIAL_IMAGES])
    changed, classes = labels[drawn].copy(), int(labels.max()) + 1
    flips = random.permutation(len(drawn))[: max(1, round(PLANTED * len(drawn)))]
    changed[flips] = (changed[flips] + random.integers(1, classes, len(flips))) % classes
    if np.bincount(changed, minlength=classes).min() < FOLDS:
        return Trial(None, len(flips), 0, len(drawn) - len(flips), 0)
    probabilities = cross_validated(features[drawn], changed, seed)
    trial = Trial(None, len(flips), 0, len(drawn) - len(flips), 0)
    for margin in MARGINS:
        positions = label_suspects(probabilities, changed, margin).positions
        caught = int(np.isin(positions, flips).sum())
        named = len(positions) - caught
        trial = Trial(margin, len(flips), caught, len(drawn) - len(flips), named)
        if caught >= PRECISE * len(positions) and named <= FALSE * (len(drawn) - len(flips)) and caught:
            return trial
    return Trial(None, trial.flipped, trial.caught, trial.left_alone, trial.named)


def cross_validated(
    features: np.ndarray, labels: np.ndarray, seed: int, progress: Progress | None = None
) -> np.ndarray:
    """Probabilities (n, k) of each image by logistic regression on the images of the other folds.

    features: (n, d), float; labels: (n,), of k classes with FOLDS images or more each. Folds have equal shares of each
    class. The ridge of the regression grows with the number of features to the image.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    scaled = (features - features.mean(0)) / (features.std(0) + 1e-6)
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (learning, held_out) in enumerate(folds.split(scaled, labels)):
        model = LogisticRegression(C=0.03, max_iter=60, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # short of the optimum is near enough, and sooner stopped is smoother
            model.fit(scaled[learning], labels[learning])
        probabilities[np.ix_(held_out, model.classes_)] = model.predict_proba(scaled[held_out])
        if progress:
            progress(number + 1, FOLDS)
    return probabilities


def patch_features(thumbs: np.ndarray, tints: np.ndarray, seed: int) -> np.ndarray:
    """Features without a trained network: responses to patches of the images themselves, float32, (n, d).

    Patches drawn at random are whitened and taken for filters, whose positive and negative responses are averaged over
    quarters of the image (Coates, Lee and Ng 2011, AISTATS); with chroma, in DIMENSIONS principal directions.

    thumbs: uint8, (n, h, w); tints: uint8, (n, k, k, 2).
    """
    random = np.random.default_rng([seed, 3])
    filters, mean, whitening = _filters(thumbs, random)
    rows = [
        _responses(_patches(thumbs[start : start + 256]), filters, mean, whitening)
        for start in range(0, len(thumbs), 256)
    ]
    chroma = (tints.reshape(len(tints), -1).astype(np.float32) - 128) / 16
    return _principal(np.concatenate([np.concatenate(rows), chroma], axis=1), random)


def _patches(thumbs: np.ndarray) -> np.ndarray:
    """Patches of even contrast, (n, rows, columns, PATCH²), at half the thumbnail's size."""
    n, height, width = thumbs.shape
    halves = thumbs[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2)
    small = halves.mean((2, 4), dtype=np.float32)
    windows = sliding_window_view(small, (PATCH, PATCH), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    patches = windows.reshape(*windows.shape[:3], -1)
    patches = patches - patches.mean(-1, keepdims=True)
    return patches / (patches.std(-1, keepdims=True) + 10)


def _filters(thumbs: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    drawn = random.permutation(len(thumbs))[:2000]
    patches = _patches(thumbs[np.sort(drawn)]).reshape(-1, PATCH * PATCH)
    patches = patches[random.permutation(len(patches))[:20_000]]
    mean = patches.mean(0)
    values, vectors = np.linalg.eigh(np.cov(patches.T))
    whitening = (vectors / np.sqrt(np.maximum(values, 0) + 0.1)) @ vectors.T
    filters = (patches[random.permutation(len(patches))[:FILTERS]] - mean) @ whitening
    filters /= np.linalg.norm(filters, axis=1, keepdims=True) + 1e-6
    return filters.astype(np.float32), mean.astype(np.float32), whitening.astype(np.float32)


def _responses(patches: np.ndarray, filters: np.ndarray, mean: np.ndarray, whitening: np.ndarray) -> np.ndarray:
    """Positive and negative responses averaged over quarters of the image, (n, 8 × FILTERS)."""
    responses = ((patches - mean) @ whitening) @ filters.T
    rows, columns = responses.shape[1] // 2, responses.shape[2] // 2
    quarters = [
        part[:, down, across].mean((1, 2))
        for part in (np.maximum(responses - 0.25, 0), np.maximum(-responses - 0.25, 0))
        for down in (slice(0, rows), slice(rows, None))
        for across in (slice(0, columns), slice(columns, None))
    ]
    return np.concatenate(quarters, axis=1)


def _principal(features: np.ndarray, random: np.random.Generator) -> np.ndarray:
    features = (features - features.mean(0)) / (features.std(0) + 1e-4)
    drawn = features[random.permutation(len(features))[:5000]]
    _, vectors = np.linalg.eigh(drawn.T @ drawn)
    return features @ vectors[:, -min(DIMENSIONS, features.shape[1], max(2, len(features) // 4)) :]
