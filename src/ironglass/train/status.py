"""How training is getting on, and how good an epoch was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Status:
    """How training is getting on, for a progress bar. Steps are counted over all stages."""

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    accuracy: float
    images_per_second: float


def merit(row: dict[str, Any]) -> tuple[float, float]:
    """What the best epoch has most of; without validation, the last epoch is the best."""
    if row["validation_accuracy"] is None:
        return (row["epoch"], 0.0)
    return (row["validation_accuracy"], -row["validation_loss"])
