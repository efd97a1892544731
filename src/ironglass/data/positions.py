"""Positions of images spread evenly over a split."""

from __future__ import annotations

import numpy as np


def spread_positions(n: int, count: int) -> np.ndarray:
    """At most `count` positions, spread evenly over n, the first and the last among them."""
    return np.linspace(0, n - 1, min(count, n)).round().astype(np.int64)
