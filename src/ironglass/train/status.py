"""Progress of training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ironglass.train.position import Position
from ironglass.train.recipe import Recipe


@dataclass(frozen=True)
class Status:
    """Progress of training, for a progress bar.

    step, steps: finished and planned, over all stages; a stage that stops early lowers `steps` and `epochs`.
    loss: mean over the epoch so far; NaN before its first step.
    skipped: steps whose loss was not finite; too many in a row cause a rollback.
    history: rows of the finished epochs, as in `history.jsonl`.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    accuracy: float
    images_per_second: float
    skipped: int = 0
    rollbacks: int = 0
    history: tuple[dict[str, Any], ...] = ()

    @property
    def detail(self) -> str:
        """The numbers as text: "epoch 2/3 loss 0.123 accuracy 95.1 % 1,234 images/s"."""
        text = (
            f"epoch {self.epoch}/{self.epochs} loss {self.loss:.3f} accuracy {100 * self.accuracy:.1f} %"
            f" {self.images_per_second:,.0f} images/s"
        )
        return f"{text}, {self.skipped} steps skipped, {self.rollbacks} rollbacks" if self.skipped else text


def status_of(position: Position, recipe: Recipe, steps: int, images_per_second: float) -> Status:
    """The status at a position, with `steps` steps per epoch."""
    loss, right, count = position.sums
    epochs = (
        position.epoch - len(position.rows_of_stage()) + sum(stage.epochs for stage in recipe.stages[position.stage :])
    )
    return Status(
        step=position.epoch * steps + position.step,
        steps=epochs * steps,
        epoch=position.epoch + 1,
        epochs=epochs,
        loss=loss / count if count else math.nan,
        accuracy=right / max(count, 1),
        images_per_second=images_per_second,
        skipped=position.skipped_in_all,
        rollbacks=len(position.rollbacks),
        history=tuple(position.rows),
    )
