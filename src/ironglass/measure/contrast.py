"""Differences in accuracy between groups of networks, on the same images, over training seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from ironglass.measure.statistics import mean_interval

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
