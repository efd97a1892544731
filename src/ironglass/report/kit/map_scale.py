"""The scale that several explanation maps share, and the floor below which they show noise."""

from __future__ import annotations

import numpy as np

FULL = 0.99
"""Share of a map's values, by size, that the scale holds: one pixel of a gradient would make all others pale."""
NOISE = 0.005
"""Change of the explained score, a probability or a logit, below which a map is taken for noise: half of a percentage
point, which no number of a report would show."""


def full_scale(maps: list[np.ndarray]) -> float:
    """The scale that these maps (h, w) share, so that FULL of their values lie within it."""
    values = np.concatenate([np.abs(np.nan_to_num(part)).ravel() for part in maps])
    return float(np.quantile(values, FULL)) or float(values.max())


def reach(maps: list[np.ndarray], unit: str) -> float | None:
    """The change of the score that these maps (h, w) speak of at most; None for units that say nothing of the score.

    A map in probability has it at its largest pixel, where a patch lay. One in logits is a sum over all pixels. Of a
    gradient it is the change by one level of 255 in every pixel at once.
    """
    values = [np.abs(np.nan_to_num(part.astype(np.float64))) for part in maps]
    if unit == "probability":
        return max((float(part.max(initial=0)) for part in values), default=0.0)
    if unit == "logit":
        return max((float(part.sum()) for part in values), default=0.0)
    if unit == "logit per unit of [0, 1]":
        return max((float(part.sum()) for part in values), default=0.0) / 255
    return None


def floored(scale: float, maps: list[np.ndarray], unit: str) -> float:
    """The scale, raised where the maps reach less than `NOISE`: their colours fade as far as they are below it."""
    reached = reach(maps, unit)
    if reached is None or reached >= NOISE:
        return scale
    return scale * NOISE / reached if scale and reached else 1.0


def is_noise(maps: list[np.ndarray], unit: str) -> bool:
    """True where the maps reach less than `NOISE`."""
    reached = reach(maps, unit)
    return reached is not None and reached < NOISE
