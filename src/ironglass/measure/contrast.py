"""Differences in accuracy between groups of networks, on the same images, over training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from ironglass.measure.statistics import mean_interval

Answer: TypeAlias = Literal["supported", "not supported", "undecided"]


def contrast(differences: Sequence[np.ndarray]) -> dict[str, Any]:
    """The mean of what each image contributes, with its 95 % intervals by Student's t.

    differences: a seed each, (n,): an image's contribution, as the flags of one network less those of another. The two
    intervals answer two questions: over_images, how much other images of the kind would change the mean of these
    trained networks; over_seeds, how much other trainings would change it on these images, None for a single seed.
    """
    each = np.stack([np.asarray(part, dtype=np.float64) for part in differences])
    several = len(each) > 1
    return {
        "effect": float(each.mean()),
        "over_images": mean_interval(each.mean(0)),
        "over_seeds": mean_interval(each.mean(1)) if several else None,
        "seeds": len(each),
    }


def answered(found: dict[str, Any], above: float = 0.0) -> Answer:
    """Answers "supported" if every interval is above the threshold, "not supported" if every one is below it."""
    intervals = [interval for key in ("over_images", "over_seeds") if (interval := found[key])]
    if all(interval["low"] > above for interval in intervals):
        return "supported"
    return "not supported" if all(interval["high"] < above for interval in intervals) else "undecided"


def trend(depths: Sequence[int]) -> np.ndarray:
    """Weights, one a depth, whose sum over values is the least-squares line's rise from the first depth to the last; 0
    where there is one depth only."""
    x = np.asarray(depths, dtype=np.float64)
    if len(x) < 2:
        return np.zeros_like(x)
    centred = x - x.mean()
    return centred / (centred**2).sum() * (x.max() - x.min())
