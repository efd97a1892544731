"""Position of training: stage, epoch, step."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Position:
    """Position of training: stage, epoch, step. Everything random is drawn from the seed and this, so no generator is
    saved."""

    stage: int = 0
    epoch: int = 0
    """Epochs finished, over all stages."""
    step: int = 0
    """Steps finished in the present epoch."""
    steps: int = 0
    """Steps finished in all, without those that were skipped."""
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    """Of the present epoch so far: summed loss, number of correct images, number of images."""
    skipped: int = 0
    """Skipped steps of the present epoch, whose loss was not finite."""
    skipped_in_all: int = 0
    """Skipped steps of all epochs, including those rolled back."""
    streak: int = 0
    """Steps skipped in a row."""
    micro_batch: int | None = None
    """Largest number of images that fit into memory at once; None: the whole batch."""
    lr: float = 0.0
    """The learning rate of the last step."""
    seconds: float = 0.0
    """Time spent, over all interrupted and resumed runs."""
    epoch_seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The history so far."""
    rollbacks: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[dict[str, Any]] = field(default_factory=list)
    watch: Any = None
    """The watch's settings, which a resumed run must share."""

    @property
    def lr_factor(self) -> float:
        """Factor of the learning rate: a half for every rollback and every alarm."""
        return 0.5 ** (len(self.rollbacks) + len(self.alarms))

    def rows_of_stage(self) -> list[dict[str, Any]]:
        """The history of the present stage so far."""
        return [row for row in self.rows if row["stage"] == self.stage]

    def rolled_back(self, good: Position) -> Position:
        """The last good position with half the learning rate, keeping the counters that a rollback does not undo."""
        undone = {"epoch": self.epoch + 1, "step": self.step, "back_to": good.epoch, "factor": self.lr_factor / 2}
        return dataclasses.replace(
            good,
            skipped_in_all=self.skipped_in_all,
            micro_batch=self.micro_batch,
            seconds=self.seconds + self.epoch_seconds,
            epoch_seconds=0.0,
            rollbacks=[*self.rollbacks, undone],
        )
