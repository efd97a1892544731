"""Normalisation of images in [0, 1]: mean, standard deviation, and their origin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ironglass.errors import InputError, brief

PRESETS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5,), (0.5,)),
    "none": ((0.0,), (1.0,)),
}
"""Mean and deviation by name: ImageNet's; to [-1, 1]; and [0, 1] as it is."""

GIVEN, CONFIGURED, ASSUMED = "given", "model's configuration", "assumed"


def check_statistics(mean: Sequence[float], std: Sequence[float]) -> None:
    """Raises InputError unless both hold one number a channel in units of [0, 1]: mean 0 to 1, std above 0 to 1."""
    for name, values in (("mean", mean), ("std", std)):
        if isinstance(values, str) or not isinstance(values, Sequence) or not all(map(_is_number, values)):
            raise InputError(f"{name} is {brief(values)}: give one number a channel, in units of [0, 1]")
    if len(mean) != len(std):
        raise InputError(f"mean has {len(mean)} channels and std {len(std)}: give one number a channel to each")
    if not mean:
        raise InputError("mean and std are empty: give one number a channel to each")
    if any(value > 1 for value in (*mean, *std)):
        name, values = ("mean", mean) if any(value > 1 for value in mean) else ("std", std)
        raise InputError(f"{name} is {brief(tuple(values))}, not in units of [0, 1], as images are: divide by 255")
    if any(not value > 0 for value in std):
        raise InputError(f"std is {brief(tuple(std))}: every channel's must be above 0")
    if any(not value >= 0 for value in mean):
        raise InputError(f"mean is {brief(tuple(mean))}: every channel's must be from 0 to 1, as the images are")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def stated(
    mean: float | Sequence[float] | None, std: float | Sequence[float] | None, normalise: str | None, channels: int
) -> tuple[list[float], list[float]] | None:
    """Mean and deviation of every channel as they were asked for; None where nothing was.

    normalise: a name of PRESETS, in place of both. A single number is for every channel. Raises InputError for one of
    the two alone, for both ways at once, and for numbers that are not in units of [0, 1].
    """
    if normalise is not None:
        if mean is not None or std is not None:
            raise InputError("normalise and mean or std are given: one of them says it all; leave the other out")
        if normalise not in PRESETS:
            raise InputError(f"there is no normalisation {normalise!r}: give {', '.join(PRESETS)}, or mean and std")
        mean, std = PRESETS[normalise]
        if channels == 1:  # of grey images, the mean of the colours'
            mean, std = sum(mean) / len(mean), sum(std) / len(std)
    if mean is None and std is None:
        return None
    if mean is None or std is None:
        raise InputError("mean and std belong together: give both, in units of [0, 1]")
    statistics = []
    for name, values in (("mean", mean), ("std", std)):
        spread = [values] * channels if isinstance(values, int | float) else list(values)
        spread = spread * channels if len(spread) == 1 else spread
        if len(spread) != channels:
            raise InputError(f"{name} has {len(spread)} numbers and the model takes {channels} channels: give one each")
        statistics.append(spread)
    check_statistics(*statistics)
    return statistics[0], statistics[1]
