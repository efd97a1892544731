"""Learning-rate schedules as pure functions of a stage's progress, so that resuming needs no saved state."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

WARM_UP = 0.2
PATIENCE = 3


def one_cycle(progress: float, losses: Sequence[float], last: float) -> float:
    """Cosine rise over the first fifth of the stage, then cosine fall to 0 (Smith & Topin 2019, arXiv 1708.07120)."""
    if progress < WARM_UP:
        return 0.04 + 0.96 * 0.5 * (1 - math.cos(math.pi * progress / WARM_UP))
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def step(progress: float, losses: Sequence[float], last: float) -> float:
    """0.1 from half of the stage on, 0.01 from three quarters on."""
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


def plateau(progress: float, losses: Sequence[float], last: float) -> float:
    """A factor of 0.1 each time the validation loss sets no new minimum for three epochs in a row."""
    factor, least, waited = 1.0, math.inf, 0
    for loss in losses:
        if loss < least:
            least, waited = loss, 0
        else:
            waited += 1
            if waited == PATIENCE:
                factor, waited = factor * 0.1, 0
    return factor


def constant(progress: float, losses: Sequence[float], last: float) -> float:
    """The peak rate throughout."""
    return 1.0


def exponential(progress: float, losses: Sequence[float], last: float) -> float:
    """From 1 down to `last`, by the same factor every step."""
    return last**progress


ScheduleName = Literal["one-cycle", "step", "plateau", "constant", "exponential"]
"""The schedules by name."""

SCHEDULES: dict[ScheduleName, Callable[[float, Sequence[float], float], float]] = {
    "one-cycle": one_cycle,
    "step": step,
    "plateau": plateau,
    "constant": constant,
    "exponential": exponential,
}
"""(completed share of the stage, its validation losses so far, last over peak rate) to the factor on the peak rate."""
