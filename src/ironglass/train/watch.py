"""Epoch-end callback that can score an epoch and trigger a rollback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ironglass.models.classifier import Classifier


@dataclass(frozen=True)
class Watched:
    """Outcome of a watch: finite `numbers` for the epoch's line in the history, the epoch's `merit` (more is better),
    and whether to alarm, which takes training back to the epoch of most merit."""

    numbers: dict[str, float]
    merit: float
    alarm: bool = False


Watch: TypeAlias = Callable[[Classifier, Sequence[dict[str, Any]]], Watched]
"""(the classifier as it is validated, in evaluation mode; the lines of the epochs before) to what is seen.

It must give the same answer to the same question, so that an interrupted run ends in the same bits: what it remembers
is in the lines, what it draws is seeded, by their number if need be. A dataclass is recorded with its fields; give
those that hold images `field(repr=False)`."""
