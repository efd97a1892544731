"""Class probabilities of each image by a classifier that learnt from the others."""

from __future__ import annotations

import numpy as np

from ironglass.types import Progress

FOLDS = 5
REPEATED, MOST_REPEATS = 40_000, 4
"""Images that are judged in all repeats of the cross-validation together, and the repeats, at most."""
STEPS = 25
"""Steps of the regression: sooner stopped is smoother."""
RIDGE = 0.01
"""Inverse strength of the ridge, for features of a mean square of 256."""


def cross_validated(
    features: np.ndarray,
    labels: np.ndarray,
    seed: int,
    progress: Progress | None = None,
    *,
    repeats: int | None = None,
) -> np.ndarray:
    """Probabilities (n, k) of each image by logistic regression on the images of the other folds.

    Averaged over `repeats` partitions into folds; None for `repeats_for` as many images.

    features: (n, d), float, whose own scale counts: directions of large variance are trusted more. labels: (n,), of k
    classes with FOLDS images or more each. Folds have equal shares of each class, but for one image.
    """
    centred = features - features.mean(0)
    scaled = np.ones((len(labels), features.shape[1] + 1), np.float32)  # the last for the intercept
    scaled[:, :-1] = centred * (16 / max(float(np.sqrt((centred**2).sum(1).mean())), 1e-6))
    probabilities = np.zeros((len(labels), int(labels.max()) + 1))
    repeats = repeats or repeats_for(len(labels))
    for repeat in range(repeats):
        fold = _folds(labels, np.random.default_rng([seed, 6, repeat]))
        for number in range(FOLDS):
            held_out = fold == number
            weights = _regression(scaled[~held_out], labels[~held_out], probabilities.shape[1])
            probabilities[held_out] += _softmax(scaled[held_out] @ weights) / repeats
            if progress:
                progress(repeat * FOLDS + number + 1, FOLDS * repeats)
    return probabilities


def repeats_for(n: int) -> int:
    """Partitions into folds over which the probabilities of n images are averaged."""
    return min(max(REPEATED // n, 1), MOST_REPEATS)


def _folds(labels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The fold of each image, (n,): dealt out class by class, in an order drawn at random."""
    order = random.permutation(len(labels))
    fold = np.empty(len(labels), dtype=np.int64)
    fold[order[np.argsort(labels[order], kind="stable")]] = np.arange(len(labels)) % FOLDS
    return fold


def _regression(rows: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Weights (d, classes) of a ridge logistic regression after STEPS steps; the last row, the intercept, is free.

    scikit-learn's gives the same, and takes longer to import than the folds of two thousand images take.
    """
    from scipy.optimize import minimize  # late: a fifth of a second

    shape, n = (rows.shape[1], classes), len(labels)
    ridge = np.full((shape[0], 1), 1 / (RIDGE * n), np.float32)
    ridge[-1] = 0
    index = np.arange(n)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape).astype(np.float32)
        residual = _softmax(rows @ weights)
        nll = -np.log(np.maximum(residual[index, labels], 1e-30)).mean(dtype=np.float64)
        residual[index, labels] -= 1
        gradient = rows.T @ residual / n + ridge * weights
        return float(nll + (ridge * weights * weights).sum() / 2), gradient.ravel().astype(np.float64)

    options = {"maxiter": STEPS, "gtol": 1e-3}
    outcome = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options=options)
    return outcome.x.reshape(shape).astype(np.float32)


def _softmax(logits: np.ndarray) -> np.ndarray:
    values = np.exp(logits - logits.max(1, keepdims=True))
    return values / values.sum(1, keepdims=True)
