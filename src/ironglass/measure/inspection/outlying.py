"""Scores that are higher of images as a model knows them than of others: out-of-distribution detection."""

from __future__ import annotations

import numpy as np

_CHUNK = 512


def log_max_probability(logits: np.ndarray) -> np.ndarray:
    """Logarithm of the largest probability (Hendrycks & Gimpel 2017, arXiv 1610.02136): (n,), at most 0.

    In place of the probability itself, of which many sure ones are rounded to 1. logits: (n, k).
    """
    return logits.max(1) - log_sum(logits)


def log_sum(logits: np.ndarray) -> np.ndarray:
    """Logarithm of the sum of exponentials, the negative energy at temperature 1 (Liu et al. 2020, arXiv 2010.03759):
    (n,). logits: (n, k), finite."""
    logits = np.asarray(logits, dtype=np.float64)
    largest = logits.max(1)
    return largest + np.log(np.exp(logits - largest[:, None]).sum(1))


def neighbour_number(references: int) -> int:
    """The neighbour whose distance is the score: the 50th, as Sun et al. take it for 50,000 images, and of fewer than
    5,000 the one at a hundredth of them, at least the first."""
    return max(1, min(50, references // 100))


def nearness(features: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Negative distance to the k-th nearest reference, both scaled to length 1, k by `neighbour_number` (Sun et al.
    2022, arXiv 2204.06507): (n,), from -2 to 0.

    features: (n, d). references: (r, d), r at least 1, of images that the model learnt from.
    """
    k, learnt = neighbour_number(len(references)), _unit(references)
    rows: list[np.ndarray] = []
    for start in range(0, len(features), _CHUNK):
        cosine = _unit(features[start : start + _CHUNK]) @ learnt.T
        kth = np.partition(cosine, len(learnt) - k, axis=1)[:, len(learnt) - k]
        rows.append(-np.sqrt(np.maximum(2 - 2 * kth, 0)))
    return np.concatenate(rows) if rows else np.empty(0)


def _unit(features: np.ndarray) -> np.ndarray:
    features = np.asarray(features, dtype=np.float64)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
