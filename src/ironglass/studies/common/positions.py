"""Positions of the images that a step measures: drawn by a seed, or spread evenly."""

from __future__ import annotations

import numpy as np

from ironglass.data.dataset import Split
from ironglass.data.positions import spread_positions

__all__ = ["drawn", "drawn_positions", "spread_positions"]


def drawn(split: Split, count: int, seed: int) -> Split:
    """At most `count` images of the split, drawn by the seed, in their order."""
    return split if count >= len(split) else split.take(drawn_positions(len(split), count, seed))


def drawn_positions(n: int, count: int, seed: int) -> np.ndarray:
    """At most `count` of n positions, drawn by the seed, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:count])
