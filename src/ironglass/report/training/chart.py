"""Loss and accuracy over the epochs of a training."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ironglass.report.kit.axes import in_percent, keep_percents
from ironglass.report.kit.palette import ACCENT, MUTED, PAPER
from ironglass.report.kit.words import shorten


def training(history: list[dict[str, Any]], *, best_epoch: int | None = None, narrow: bool = False) -> Figure:
    """Loss and accuracy an epoch, for training and validation; `kept` is the epoch whose weights were kept.

    A dotted line, with its name, stands where a stage begins.
    """
    figure = Figure((3.7, 5.2) if narrow else (7.2, 3.2))
    loss, accuracy = figure.subplots(2, 1, sharex=True) if narrow else figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    starts = [(b["epoch"] - 0.5, b.get("stage_name") or f"stage {b['stage'] + 1}")
              for a, b in pairwise(history) if a["stage"] != b["stage"]]  # fmt: skip
    for axes, title, unit in ((loss, "loss", "mean over images, nats"), (accuracy, "accuracy", "share right")):
        for split, style in (
            ("train", {"color": MUTED, "linestyle": "--", "marker": "o", "markerfacecolor": PAPER}),
            ("validation", {"color": ACCENT, "marker": "o"}),
        ):
            values = [row.get(f"{split}_{title}") for row in history]
            if any(value is not None for value in values):
                plotted = [np.nan if value is None else value for value in values]
                axes.plot(epochs, plotted, label=split, markersize=3 if len(epochs) < 40 else 0, **style)
                if split == "validation" and best_epoch in epochs:
                    at = (best_epoch, plotted[epochs.index(best_epoch)])
                    axes.plot(*at, "o", color=ACCENT, markersize=10, markerfacecolor="none", label="kept")
        for start, _ in starts:
            axes.axvline(start, color=MUTED, linewidth=0.8, linestyle=":")
        axes.set_title(f"{title.capitalize()} ({unit})")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        if not (narrow and title == "loss"):
            axes.set_xlabel("epoch")
    for start, name in starts:
        loss.annotate(
            shorten(name, 20), (start, 1), (3, -3), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="top", rotation=90, fontsize=8, color=MUTED,
        )  # fmt: skip
    loss.set_ylim(bottom=max(loss.get_ylim()[0], -0.03 * loss.get_ylim()[1]))  # no loss is below 0
    in_percent(accuracy.yaxis)
    keep_percents(accuracy)
    loss.legend(loc="best")
    return figure
