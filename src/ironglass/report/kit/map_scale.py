"""The scale that several explanation maps share."""

from __future__ import annotations

import numpy as np

FULL = 0.99
"""Share of a map's values, by size, that the scale holds: one pixel of a gradient would make all others pale."""


def full_scale(maps: list[np.ndarray]) -> float:
    """The scale that these maps (h, w) share, so that FULL of their values lie within it."""
    values = np.concatenate([np.abs(np.nan_to_num(part)).ravel() for part in maps])
    return float(np.quantile(values, FULL)) or float(values.max())
