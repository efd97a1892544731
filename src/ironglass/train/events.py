"""The history as TensorBoard reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tensorboardX import SummaryWriter

CURVES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "lr", "images_per_second")


def write_events(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Writes one events file with the whole history, replacing earlier ones, so that a resumed run shows once."""
    for stale in folder.glob("events.out.tfevents.*"):
        stale.unlink()
    with SummaryWriter(str(folder)) as writer:
        for row in rows:
            for curve in CURVES:
                if row[curve] is not None:
                    writer.add_scalar(curve, row[curve], row["epoch"])
