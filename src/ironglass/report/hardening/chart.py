"""The charts of a hardening: before and after, and what the guard saw."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ironglass.report.kit.axes import bar_lengths, in_percent
from ironglass.report.kit.palette import ACCENT, MUTED, ORANGE, RULE
from ironglass.report.kit.words import eps_text, shorten
from ironglass.results.hardening import Hardening, PairedRow, WatchedEpoch
from ironglass.results.numbers import Rate

SIDES: tuple[tuple[str, Callable[[PairedRow], Rate], str, str, float], ...] = (
    ("before", lambda row: row.before, MUTED, "o", -0.15),
    ("after", lambda row: row.after, ACCENT, "D", 0.15),
)
"""Name, number, colour, marker and shift of each side."""


def hardening(measured: Hardening, *, narrow: bool = False) -> Figure:
    """A row a condition, the accuracy before and after with their intervals, and a line from the one to the other."""
    worst = [row for row in reversed(measured.rows) if row.name == "worst"]
    rows = [*worst, *(row for row in measured.rows if row.name != "worst")]
    figure = Figure((3.7, 1.5 + 0.5 * len(rows)) if narrow else (7.2, 1.3 + 0.42 * len(rows)))
    axes = figure.subplots()
    for index, row in enumerate(rows):
        axes.plot([row.before.value, row.after.value], [index - 0.15, index + 0.15], color=RULE, linewidth=1.2)
    for side, read, colour, marker, shift in SIDES:
        rates = [read(row) for row in rows]
        axes.errorbar(
            [rate.value for rate in rates], [index + shift for index in range(len(rows))], xerr=bar_lengths(rates),
            fmt=marker, color=colour, markersize=6, elinewidth=1.4, capsize=3, label=side,
        )  # fmt: skip
    several = len(measured.eps) > 1
    names = [
        f"{shorten(row.label.partition(' (')[0], 24 if narrow else 40)}"
        + (f", {eps_text(row.eps, measured.norm)}" if several and row.eps else "")
        for row in rows
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel("accuracy")
    in_percent(axes.xaxis)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def watched(rows: Sequence[WatchedEpoch], *, narrow: bool = False) -> Figure:
    """Accuracy on held-out images after every epoch: unchanged, under one step, under ten."""
    figure = Figure((3.7, 3.1) if narrow else (7.2, 3.1))
    axes = figure.subplots()
    epochs = [row.epoch for row in rows]
    unchanged = [nan if row.validation_accuracy is None else row.validation_accuracy for row in rows]
    for values, label, colour, dashes in (
        (unchanged, "unchanged", MUTED, "-"),
        ([row.fgsm_accuracy for row in rows], "FGSM, one step", ORANGE, "--"),
        ([row.pgd_accuracy for row in rows], "PGD, ten steps", ACCENT, "-"),
    ):
        axes.plot(epochs, values, label=label, color=colour, linestyle=dashes, marker="o")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("epoch")
    axes.set_ylabel("held-out accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    in_percent(axes.yaxis)
    figure.legend(loc="outside upper left", ncols=1 if narrow else 3)
    return figure
