"""The history as TensorBoard reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

NO_CURVES = ("stage", "epoch", "seconds")


def write_events(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Writes one events file with the whole history, replacing earlier ones, so that a resumed run shows once."""
    from tensorboardX import SummaryWriter  # late: only training needs it

    for stale in folder.glob("events.out.tfevents.*"):
        stale.unlink()
    with SummaryWriter(str(folder)) as writer:
        for row in rows:
            for name, value in row.items():
                if isinstance(value, int | float) and not isinstance(value, bool) and name not in NO_CURVES:
                    writer.add_scalar(name, value, row["epoch"])
