"""Differences in accuracy between groups of networks, on the same images, over training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from scipy.special import stdtr

from ironglass.measure.statistics import mcnemar, mean_interval

Answer: TypeAlias = Literal["supported", "not supported", "undecided"]


def contrast(differences: Sequence[np.ndarray]) -> dict[str, Any]:
    """The mean difference over images, with 95 % intervals by Student's t.

    differences: for each seed an array (n,), as the flags of one network less those of another.

    `over_images` is the interval over draws of other images for these trained networks; `over_seeds` that over other
    training runs for these images, None for a single seed.
    """
    contributions = np.stack([np.asarray(part, dtype=np.float64) for part in differences])
    repeated = len(contributions) > 1
    return {
        "effect": float(contributions.mean()),
        "over_images": mean_interval(contributions.mean(0)),
        "over_seeds": mean_interval(contributions.mean(1)) if repeated else None,
        "seeds": len(contributions),
    }


def answered(result: dict[str, Any], above: float = 0.0) -> Answer:
    """The answer: "supported" if every interval is above the threshold, "not supported" if every one is below it, else
    "undecided"."""
    intervals = [interval for key in ("over_images", "over_seeds") if (interval := result[key])]
    if all(interval["low"] > above for interval in intervals):
        return "supported"
    return "not supported" if all(interval["high"] < above for interval in intervals) else "undecided"


def trend(depths: Sequence[int]) -> np.ndarray:
    """Weights, one per depth, whose weighted sum of values is the rise of the least-squares line from the first depth
    to the last; 0 for a single depth."""
    x = np.asarray(depths, dtype=np.float64)
    if len(x) < 2:
        return np.zeros_like(x)
    centred = x - x.mean()
    return centred / (centred**2).sum() * (x.max() - x.min())


def compared_settings(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> dict[str, Any]:
    """Difference of two settings on the same images. first, second: correctness of each image, (n,), for each training.

    Of one training each McNemar's test. Of several `difference`, in mean accuracy, `p_images` (paired over images, by
    Student's t: other images of the kind) and `p_seeds` (Welch's t over the trainings: other seeds; None where neither
    has two); `p` is the larger: a difference that either could have made by chance is none.
    """
    if len(first) == len(second) == 1:
        return dict(mcnemar(first[0], second[0]))
    one, other = (np.stack([np.asarray(flags, dtype=np.float64) for flags in part]) for part in (first, second))
    over_images = one.mean(0) - other.mean(0)
    p_images = _p(float(over_images.mean()), float(over_images.var(ddof=1)) / len(over_images), len(over_images) - 1)
    p_seeds = _welch(one.mean(1), other.mean(1))
    return {
        "difference": float(over_images.mean()),
        "p_images": p_images,
        "p_seeds": p_seeds,
        "p": p_images if p_seeds is None else max(p_images, p_seeds),
    }


def _welch(one: np.ndarray, other: np.ndarray) -> float | None:
    """Two-sided p of equal means (Welch 1947, Biometrika 34:28); of one value alone the other's variance is taken."""
    if len(one) < 2 and len(other) < 2:
        return None
    parts = [float(values.var(ddof=1)) if len(values) > 1 else None for values in (one, other)]
    variances = [part for part in parts if part is not None]
    shares = [(variances[0] if part is None else part) / len(values)
              for part, values in zip(parts, (one, other), strict=True)]  # fmt: skip
    total = sum(shares)
    sizes = [len(values) for values in (one, other)]
    below = sum(share**2 / (n - 1) for share, n in zip(shares, sizes, strict=True) if n > 1)
    freedom = total**2 / below if below else len(one) + len(other) - 2
    return _p(float(one.mean() - other.mean()), total, min(freedom, len(one) + len(other) - 2))


def _p(difference: float, variance: float, freedom: float) -> float:
    if variance <= 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(max(freedom, 1), -abs(difference) / np.sqrt(variance)))
