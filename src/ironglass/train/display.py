"""Training progress for a person: a bar while it runs, and one line for every finished epoch."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ironglass.run import Run
from ironglass.train.status import Status


@contextmanager
def displayed(run: Run, epochs: int, console: Console | None = None) -> Iterator[Callable[[Status], None]]:
    """Yields a progress callback for `fit`, which shows training on standard error, or in the notebook's cell.

    The line of a finished epoch stays: in the scrollback, in a notebook and in the log of a pipe, where there is no
    bar.

    Args:
        run: the run whose history is shown; epochs that it has already are not shown again.
        epochs: total over all stages.
        console: output console; None for standard error.
    """
    console = console or Console(stderr=True)
    if not console.is_jupyter and not console.is_terminal:
        console.width = 200  # a log wraps by itself
    lines = _Lines(console, len(run.history), epochs)
    try:
        if not _draws_bars(console):
            yield lambda status: lines.show(status.history)
        else:
            columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[detail]}"))
            with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bars:
                task = bars.add_task("training", total=None, detail="")

                def update(status: Status) -> None:
                    lines.show(status.history)
                    bars.update(task, completed=status.step, total=status.steps, detail=status.detail)

                yield update
    finally:
        lines.show(run.history)


def epoch_line(row: dict[str, Any], epochs: int) -> str:
    """A line of the history as "epoch 3/10  loss 0.123  accuracy 95.1 %  validation 96.2 %  1.2 s"."""
    parts = [
        f"epoch {row['epoch']}/{epochs}",
        f"loss {row['train_loss']:.3f}",
        f"accuracy {100 * row['train_accuracy']:.1f} %",
    ]
    if row["validation_accuracy"] is not None:
        parts.append(f"validation {100 * row['validation_accuracy']:.1f} %")
    if "pgd_accuracy" in row:
        parts.append(f"under PGD {100 * row['pgd_accuracy']:.1f} %")
    if row.get("eps_share", 1.0) < 1:
        parts.append(f"eps at {100 * row['eps_share']:.0f} %")
    parts.append(f"{row['seconds']:.1f} s")
    if row["skipped"]:
        parts.append(f"{row['skipped']} steps skipped")
    if row.get("alarm"):
        parts.append("collapsed: back to the best epoch")
    return "  ".join(parts)


class _Lines:
    """Prints each epoch once."""

    def __init__(self, console: Console, printed: int, epochs: int) -> None:
        self.console, self.printed, self.epochs = console, printed, epochs

    def show(self, history: Sequence[dict[str, Any]]) -> None:
        self.printed = min(self.printed, len(history))  # fewer, where training was taken back
        for row in history[self.printed :]:
            self.console.print(epoch_line(row, self.epochs), highlight=False, soft_wrap=True)
        self.printed = len(history)


def _draws_bars(console: Console) -> bool:
    """Returns whether a bar can be redrawn in place: in a terminal, and in a notebook that has ipywidgets."""
    if console.is_jupyter:
        return importlib.util.find_spec("ipywidgets") is not None
    return console.is_terminal
