"""Epoch-end callback that can score an epoch and trigger a rollback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ironglass.models.classifier import Classifier


@dataclass(frozen=True)
class Watched:
    """Outcome of a watch.

    numbers: finite numbers for the epoch's row in the history.
    merit: score of the epoch; higher is better.
    alarm: True to roll training back to the epoch of highest merit.
    """

    numbers: dict[str, float]
    merit: float
    alarm: bool = False


Watch: TypeAlias = Callable[[Classifier, Sequence[dict[str, Any]]], Watched]
"""(the validated classifier in evaluation mode, the rows of earlier epochs) to the outcome.

It must be deterministic, so that a resumed run ends in the same bits: it may read earlier results from the rows only,
and must seed its draws, by the number of rows if need be. A dataclass is recorded with its fields; give those that hold
images `field(repr=False)`."""
