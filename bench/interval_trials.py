"""What `bench/intervals.py` tries: a case, and how often its interval holds the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ELEMENTS = 2_000_000
"""Scores that are drawn at a time."""


class Held(NamedTuple):
    """Flags of sets: whether the interval holds the truth, and whether it says that it holds more often."""

    held: np.ndarray
    apart: np.ndarray


@dataclass(frozen=True)
class Case:
    """A case that was measured. name: in words. held: share of the sets whose interval holds the truth. apart: share of
    those that say that they hold more often. again: whether it was measured twice."""

    name: str
    held: float
    apart: float
    again: bool


@dataclass(frozen=True)
class Trial:
    """A case to measure. name: in words. images: of a set. draw: how many sets, and random numbers, to what they show.
    exact: whether `draw` gives the two shares themselves."""

    name: str
    images: int
    draw: Callable[[int, np.random.Generator], Held]
    exact: bool = False

    def held(self, sets: int, *, seed: int) -> tuple[float, float]:
        """Share of the sets whose interval holds the truth, and share of those apart."""
        draws, rest, held, apart = np.random.default_rng(seed), sets, 0.0, 0.0
        if self.exact:
            once = self.draw(1, draws)
            return float(once.held), float(once.apart)
        while rest:
            count = min(rest, max(1, ELEMENTS // self.images), 50)  # of a size that caches hold
            flags = self.draw(count, draws)
            held, apart, rest = held + float(flags.held.sum()), apart + float(flags.apart.sum()), rest - count
        return held / sets, apart / sets
