"""Balanced accuracy with an interval that holds also where classes are few images."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from ironglass.measure.statistics import FEWEST, Rate, exact_ends

_STEPS = 45
"""Halvings of the search for an interval's end."""


def balanced_interval(right: np.ndarray, support: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ends of the 95 % interval of a mean of k shares, of n_1, ..., n_k images, and whether it is widened.

    It is the score interval, see `score_interval`, widened where right or wrong answers are too few for one that holds
    95 times in 100: to the exact interval of one share of so many images that it would vary as much as this mean (Korn
    & Graubard 1998, Surv. Methodol. 24:193). Too few are fewer than `FEWEST` of those images.

    right: (..., k) images that are right, of each class.
    support: (..., k) images of each class, at least 1.
    """
    right, support = np.asarray(right, dtype=np.float64), np.asarray(support, dtype=np.float64)
    low, high = score_interval(right, support)
    value, images = (right / support).mean(-1), _images_of_one_share(right, support)
    widened = images * np.minimum(value, 1 - value) < FEWEST
    least, most = exact_ends(images * value, images)
    return np.where(widened, np.minimum(low, least), low), np.where(widened, np.maximum(high, most), high), widened


def score_interval(right: np.ndarray, support: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the 95 % score interval of such a mean.

    Wilson's interval for one share holds the values at which the observed share lies less than 1.96 standard errors
    away. So does this one for the mean: the shares that a mean allows are their most likely ones under it (after
    Miettinen & Nurminen 1985, Statist. Med. 4:213). Of one class it is Wilson's interval.

    right, support: as of `balanced_interval`.
    """
    right, support = np.asarray(right, dtype=np.float64), np.asarray(support, dtype=np.float64)
    value = (right / support).mean(-1)
    low, high = (_end(right, support, value, sign) for sign in (1.0, -1.0))
    return np.where(right.sum(-1) == 0, 0.0, low), np.where((right == support).all(-1), 1.0, high)


def _images_of_one_share(right: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Images of which one share varies as much as the mean does, at most all; each class's share is drawn towards that
    of all images by one image, so that a class in which all is right varies, too."""
    k = support.shape[-1]
    shares = (right + (right.sum(-1) / support.sum(-1))[..., None]) / (support + 1)
    mean, variance = shares.mean(-1), (shares * (1 - shares) / support).sum(-1) / k**2
    even = np.asarray(k**2 / (1 / support).sum(-1))  # where all is right, or all wrong, and nothing varies
    images = np.divide(mean * (1 - mean), variance, out=even, where=variance > 0)
    return np.minimum(images, support.sum(-1))


def _end(right: np.ndarray, support: np.ndarray, value: np.ndarray, sign: float) -> np.ndarray:
    """One end: the mean at which the observed one lies 1.96 standard errors above (sign 1) or below (-1)."""
    z = NormalDist().inv_cdf(0.975)
    k = right.shape[-1]
    lost = 1 + (1 - 1 / k) / np.maximum(support - 1, 1)  # shares that were fitted vary too little
    low, high = np.full(value.shape, -20.0), np.full(value.shape, 20.0)  # of the pull's logarithm
    for _ in range(_STEPS):
        middle = (low + high) / 2
        shares = _shares(right, support, sign * np.exp(middle)[..., None])
        error = np.sqrt((shares * (1 - shares) * lost / support).sum(-1)) / k
        near = sign * (value - shares.mean(-1)) <= z * error
        low, high = np.where(near, middle, low), np.where(near, high, middle)
    return _shares(right, support, sign * np.exp(low)[..., None]).mean(-1)


def _shares(right: np.ndarray, support: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """The most likely share of each class where their mean is pulled down (or up, a negative pull).

    They solve x/p - (n - x)/(1 - p) = pull, of which one root lies in [0, 1].
    """
    total = support + pull
    root = np.sqrt(np.maximum(total**2 - 4 * pull * right, 0.0))
    # of the two ways to write the root the one without cancellation
    above = np.where(total > 0, 2 * right, total - root)
    return np.clip(above / np.where(total > 0, total + root, 2 * pull), 0.0, 1.0)


def balanced_accuracy(right: np.ndarray, support: np.ndarray) -> tuple[Rate, bool]:
    """The mean of the classes' accuracies with its 95 % interval, and whether that is widened, see `balanced_interval`.

    right, support: int (k,); classes without images are left out. Raises ValueError where none has any.
    """
    right, support = right[support > 0], support[support > 0]
    if not len(support):
        raise ValueError("no class has images")
    low, high, widened = balanced_interval(right, support)
    rate = Rate(value=float((right / support).mean()), low=float(low), high=float(high), n=int(support.sum()))
    return rate, bool(widened)
