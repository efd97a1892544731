"""The chart of a sweep: accuracy against a number that was varied, or a row a trial."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from ironglass.report.kit.axes import bar_lengths, in_percent
from ironglass.report.kit.palette import ACCENT, BLUE, GREEN, INK, MAGENTA, MUTED, ORANGE, WRONG
from ironglass.report.kit.words import eps_text, shorten
from ironglass.report.sweep.words import recommended_row, trial_values, value_words
from ironglass.results.sweep import Sweep
from ironglass.results.trial import MeasuredRow, TrialRow

LINES = [
    (colour, dashes, marker)
    for dashes, marker in (("-", "o"), ("--", "s"), (":", "^"))
    for colour in (BLUE, ORANGE, GREEN, MAGENTA)
]


def numeric_axis(measured: Sweep) -> int | None:
    """The first axis of two or more numbers; None where there is none, or more lines than can be told apart."""
    axes = measured.axes
    for axis_index, axis in enumerate(axes):
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in axis.values)
        lines = int(np.prod([len(other.values) for other in axes if other is not axis], dtype=int))
        if numbers and len(axis.values) > 1 and lines <= len(LINES):
            return axis_index
    return None


def trials(measured: Sweep, *, narrow: bool = False) -> Figure:
    """Accuracy on validation images against the first numeric axis, a line a combination of the others; without such
    an axis a row a trial: on validation images, on those that are reported, and under attack."""
    axis_index = numeric_axis(measured)
    return _rows(measured, narrow) if axis_index is None else _lines(measured, axis_index, narrow)


def _lines(measured: Sweep, axis_index: int, narrow: bool) -> Figure:
    axis, best = measured.axes[axis_index], recommended_row(measured)
    others = [other for other in measured.axes if other is not axis]
    figure = Figure((3.7, 3.6) if narrow else (7.2, 3.8))
    axes = figure.subplots()
    groups: dict[str, list[TrialRow]] = {}
    for row in measured.rows:
        rest = [value_words(value) for number, value in enumerate(row.values) if number != axis_index]
        groups.setdefault(", ".join(rest), []).append(row)
    values = [float(value) for value in axis.values]
    logarithmic = min(values) > 0 and max(values) / min(values) >= 8
    step = 0.05 if logarithmic else 0.012 * (max(values) - min(values))

    def at(row: TrialRow, line: int) -> float:
        shift = step * (line - (len(groups) - 1) / 2)
        value = float(row.values[axis_index])
        return value * 10**shift if logarithmic else value + shift

    for line, (name, rows) in enumerate(groups.items()):
        colour, dashes, marker = LINES[line]
        there = sorted((row for row in rows if isinstance(row, MeasuredRow)), key=lambda row: row.values[axis_index])
        rates = [row.validation for row in there]
        axes.errorbar(
            [at(row, line) for row in there], [rate.value for rate in rates], yerr=bar_lengths(rates), color=colour,
            linestyle=dashes, marker=marker, markersize=5, elinewidth=1.1, capsize=2.5, label=name or None,
        )  # fmt: skip
        if best is not None and best in rows:
            ring: dict[str, Any] = {"color": INK, "markersize": 12, "markerfacecolor": "none", "clip_on": False}
            axes.plot(at(best, line), best.validation.value, "o", **ring)
        for row in rows:
            if not isinstance(row, MeasuredRow):
                axes.plot(at(row, line), 0, "x", color=WRONG, markersize=7, clip_on=False)
    if logarithmic:
        axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(values))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set(xlabel=axis.label, ylabel="validation accuracy", ylim=(-0.02, 1.02))
    in_percent(axes.yaxis)
    if others:
        title = ", ".join(other.label for other in others)
        figure.legend(loc="outside upper left", ncols=2 if narrow else 4, title=title, alignment="left")
    return figure


def _rows(measured: Sweep, narrow: bool) -> Figure:
    rows, best, attacks = measured.rows, recommended_row(measured), measured.attacks
    figure = Figure((3.7, 1.6 + 0.5 * len(rows)) if narrow else (7.2, 1.4 + 0.44 * len(rows)))
    axes = figure.subplots()
    there = [(index, row) for index, row in enumerate(rows) if isinstance(row, MeasuredRow)]
    series = [("validation images", MUTED, "o", [(index, row.validation) for index, row in there])]
    if measured.split != "validation":
        series.append((f"{measured.split} images", ACCENT, "D", [(index, row.measured) for index, row in there]))
    if attacks:
        robust = [(index, row.robust.accuracy) for index, row in there if row.robust]
        series.append((f"under attack, eps {eps_text(attacks.eps, attacks.norm)}", ORANGE, "s", robust))
    for number, (label, colour, marker, points) in enumerate(series):
        shift = 0.2 * (number - (len(series) - 1) / 2)
        rates = [rate for _, rate in points]
        axes.errorbar(
            [rate.value for rate in rates], [index + shift for index, _ in points], xerr=bar_lengths(rates), fmt=marker,
            color=colour, markersize=5, elinewidth=1.4, capsize=2.5, label=label,
        )  # fmt: skip
    for index, row in enumerate(rows):
        if not isinstance(row, MeasuredRow):
            axes.plot(0, index, "x", color=WRONG, markersize=7, clip_on=False)
    names = [shorten(trial_values(row, measured), 22 if narrow else 40) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row is best else "normal")
    axes.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.5, -0.5), xlabel="accuracy")
    in_percent(axes.xaxis)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=1 if narrow else 3)
    return figure
