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
_BLOCK = 64
REPEATED, MOST_REPEATS = 40_000, 4
"""Images that are judged in all repeats of the cross-validation together, and the repeats, at most."""
STEPS = 25
"""Steps of the regression: sooner stopped is smoother."""
RIDGE = 0.01
"""Inverse strength of the ridge, for features of a mean square of 256."""
CEILINGS = (0.2, 0.17, 0.15, 0.12, 0.1, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.005, 0.002, 0.001)
"""Probability of a suspect label, at most: the largest that is precise enough is taken."""
PLANTED = 0.03
"""Share of labels that are flipped on purpose, to see what a ceiling is worth."""
PRECISE, FALSE = 0.4, 0.03
"""Share of those named that must be flips, and of the labels left alone that may be named, at most: as many of these
may be wrong as were flipped."""
MOST = 0.05
"""Share of the labels that are suspect, at most: probabilities are sharper than in the trial, since fewer are wrong."""
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
    """Worth of a ceiling on these images, with labels flipped on purpose.

    ceiling: the largest of CEILINGS that is precise enough; None where none is.
    flipped, caught: labels that were flipped, and those of them that were named.
    left_alone, named: labels that were not flipped, and those of them that were named.
    """

    ceiling: float | None
    flipped: int
    caught: int
    left_alone: int
    named: int


def label_suspects(probabilities: np.ndarray, labels: np.ndarray, ceiling: float, *, most: float = MOST) -> Suspects:
    """Chooses the labels that confident learning counts off the diagonal, and of these the improbable ones.

    An image counts for another class where that class is more probable than the label, and half as probable as it is on
    average for images of its own label, or one fourth if that is less; it is a suspect where the probability of its
    label is also no more than the ceiling. Of flipped labels that orders better than the margin between the two does,
    and the whole of that average, as in the paper, would leave out a tenth of them.

    probabilities: (n, k), of classifiers that did not learn from the image; labels: (n,). most: share of the labels
    that are named, at most, the least probable ones.
    """
    n, classes = probabilities.shape
    label_probability = probabilities[np.arange(n), labels]
    counts = np.bincount(labels, minlength=classes)
    average = np.bincount(labels, label_probability, classes) / np.maximum(counts, 1)
    threshold = np.where(counts > 0, np.minimum(average, 0.5) / 2, np.inf)
    others = np.where(np.arange(classes) == labels[:, None], -1, probabilities)
    other = np.where(others >= threshold, others, -1).argmax(1)
    confident = others[np.arange(n), other] >= np.maximum(threshold[other], label_probability)
    positions = np.flatnonzero(confident & (label_probability <= ceiling))
    positions = positions[np.argsort(label_probability[positions], kind="stable")][: round(most * n)]
    return Suspects(positions, other[positions], label_probability[positions], probabilities.argmax(1) == labels)


def flip_trial(features: np.ndarray, labels: np.ndarray, seed: int) -> Trial:
    """Flips PLANTED of the labels at random, and finds the largest ceiling that names flips rather than others.

    Labels that are wrong already count against the ceiling, which is then the more cautious.
    """
    random = np.random.default_rng([seed, 4])
    drawn = np.sort(random.permutation(len(labels))[:TRIAL_IMAGES])
    changed, classes = labels[drawn].copy(), int(labels.max()) + 1
    flips = random.permutation(len(drawn))[: max(1, round(PLANTED * len(drawn)))]
    changed[flips] = (changed[flips] + random.integers(1, classes, len(flips))) % classes
    trial = Trial(None, len(flips), 0, len(drawn) - len(flips), 0)
    if np.bincount(changed, minlength=classes).min() < FOLDS:
        return trial
    probabilities = cross_validated(features[drawn], changed, seed, repeats=_repeats(len(labels)))
    for ceiling in CEILINGS:
        positions = label_suspects(probabilities, changed, ceiling, most=1).positions
        caught = int(np.isin(positions, flips).sum())
        named = len(positions) - caught
        trial = Trial(ceiling, len(flips), caught, len(drawn) - len(flips), named)
        if caught >= PRECISE * len(positions) and named <= FALSE * trial.left_alone and caught:
            return trial
    return Trial(None, trial.flipped, trial.caught, trial.left_alone, trial.named)


def cross_validated(
    features: np.ndarray,
    labels: np.ndarray,
    seed: int,
    progress: Progress | None = None,
    *,
    repeats: int | None = None,
) -> np.ndarray:
    """Probabilities (n, k) of each image by logistic regression on the images of the other folds.

    Averaged over `repeats` partitions into folds; None for as many as REPEATED and MOST_REPEATS allow.

    features: (n, d), float, whose own scale counts: directions of large variance are trusted more. labels: (n,), of k
    classes with FOLDS images or more each. Folds have equal shares of each class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import RepeatedStratifiedKFold

    centred = features - features.mean(0)
    scaled = centred * (16 / max(float(np.sqrt((centred**2).sum(1).mean())), 1e-6))
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    repeats = repeats or _repeats(len(labels))
    folds = RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed)
    for number, (learning, held_out) in enumerate(folds.split(scaled, labels)):
        model = LogisticRegression(C=RIDGE, max_iter=STEPS, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # short of the optimum is near enough
            model.fit(scaled[learning], labels[learning])
        probabilities[np.ix_(held_out, model.classes_)] += model.predict_proba(scaled[held_out]) / repeats
        if progress:
            progress(number + 1, FOLDS * repeats)
    return probabilities


def _repeats(n: int) -> int:
    return min(max(REPEATED // n, 1), MOST_REPEATS)


def patch_features(thumbs: np.ndarray, tints: np.ndarray, seed: int) -> np.ndarray:
    """Features without a trained network: responses to patches of the images themselves, float32, (n, d).

    Patches drawn at random are whitened and taken for filters, whose positive and negative responses are averaged over
    quarters of the image (Coates, Lee and Ng 2011, AISTATS); with chroma, in DIMENSIONS principal directions.

    thumbs: uint8, (n, h, w); tints: uint8, (n, k, k, 2).
    """
    random = np.random.default_rng([seed, 3])
    filters, offsets = _filters(thumbs, random)
    chroma = tints.reshape(len(tints), -1)

    def responses(rows: np.ndarray) -> np.ndarray:
        tint = (chroma[rows].astype(np.float32) - 128) / 16
        return np.concatenate([_responses(_patches(thumbs[rows]), filters, offsets), tint], axis=1)

    blocks = np.array_split(np.arange(len(thumbs)), -(-len(thumbs) // _BLOCK))
    drawn = np.array_split(np.sort(random.permutation(len(thumbs))[:5000]), -(-min(len(thumbs), 5000) // _BLOCK))
    mean, basis = principal_directions(np.concatenate([responses(rows) for rows in drawn]), len(thumbs))
    return np.concatenate([(responses(rows) - mean) @ basis for rows in blocks])


def _patches(thumbs: np.ndarray) -> np.ndarray:
    """Patches of even contrast, (n, rows, columns, PATCH²), at half the thumbnail's size."""
    n, height, width = thumbs.shape
    halves = thumbs[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2)
    small = halves.mean((2, 4), dtype=np.float32)
    windows = sliding_window_view(small, (PATCH, PATCH), axis=(1, 2))[:, ::STRIDE, ::STRIDE]
    patches = windows.reshape(*windows.shape[:3], -1)
    patches = patches - patches.mean(-1, keepdims=True)
    return patches / (patches.std(-1, keepdims=True) + 10)


def _filters(thumbs: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Filters (PATCH², FILTERS) with the whitening in them, and their responses to the mean patch."""
    drawn = random.permutation(len(thumbs))[:2000]
    patches = _patches(thumbs[np.sort(drawn)]).reshape(-1, PATCH * PATCH)
    patches = patches[random.permutation(len(patches))[:20_000]]
    mean = patches.mean(0)
    values, vectors = np.linalg.eigh(np.cov(patches.T))
    whitening = (vectors / np.sqrt(np.maximum(values, 0) + 0.1)) @ vectors.T
    filters = (patches[random.permutation(len(patches))[:FILTERS]] - mean) @ whitening
    filters /= np.linalg.norm(filters, axis=1, keepdims=True) + 1e-6
    combined = whitening @ filters.T
    return combined.astype(np.float32), (mean @ combined).astype(np.float32)


def _responses(patches: np.ndarray, filters: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Positive and negative responses averaged over quarters of the image, (n, 8 × FILTERS)."""
    responses = patches @ filters - offsets
    rows, columns = responses.shape[1] // 2, responses.shape[2] // 2
    quarters = [
        part[:, down, across].mean((1, 2))
        for part in (np.maximum(responses - 0.25, 0), np.maximum(-responses - 0.25, 0))
        for down in (slice(0, rows), slice(rows, None))
        for across in (slice(0, columns), slice(columns, None))
    ]
    return np.concatenate(quarters, axis=1)


def principal_directions(features: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean (d,) of some of n images' features, and a basis (d, k) that evens the scales of the features and turns
    them to their k principal directions, of which there are at most DIMENSIONS and a quarter of n."""
    mean, scale = features.mean(0), features.std(0) + 1e-4
    even = (features - mean) / scale
    _, vectors = np.linalg.eigh(even.T @ even)
    count = min(DIMENSIONS, features.shape[1], max(2, n // 4))
    return mean, vectors[:, -count:] / scale[:, None]
