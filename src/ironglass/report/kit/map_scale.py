"""The scale that several explanation maps share, and the floor below which they show noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FULL = 0.99
"""Share of a map's values, by size, that the scale holds: one pixel of a gradient would make all others pale."""
NOISE = 0.005
"""Change of the explained score, a probability or a logit, below which a map is taken for noise however quiet the score
is: half of a percentage point, which no number of a report would show."""
RADIUS = 0.02
"""`measure.maps.score_noise.RADIUS`, which stands on this floor's other side."""
GRADIENT = "logit per unit of [0, 1]"


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
    if unit == GRADIENT:
        return max((float(part.sum()) for part in values), default=0.0) / 255
    return None


def floor_of(images: Sequence[Mapping[str, Any]], unit: str) -> float:
    """The change of the score below which maps are noise: the median of what noise that nobody can see changes of these
    images' scores, and at least `NOISE`.

    images: their entries of `samples.json` or `explained.json`; those of older runs have no `score_noise`.
    """
    kind = "probability" if unit == "probability" else "logit"
    measured = [float(entry["score_noise"][kind]) for entry in images if "score_noise" in entry]
    part = 1 / 255 / RADIUS if unit == GRADIENT else 1.0  # a gradient's reach is of one level of 255
    return max(NOISE, part * float(np.median(measured))) if measured else NOISE


def floored(scale: float, maps: list[np.ndarray], unit: str, floor: float = NOISE) -> float:
    """The scale, raised where the maps reach less than the floor: their colours fade as far as they are below it."""
    reached = reach(maps, unit)
    if reached is None or reached >= floor:
        return scale
    return scale * floor / reached if scale and reached else 1.0


def is_noise(maps: list[np.ndarray], unit: str, floor: float = NOISE) -> bool:
    """True where the maps reach less than the floor."""
    reached = reach(maps, unit)
    return reached is not None and reached < floor
