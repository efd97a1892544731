"""The charts of a comparison: transferred against white-box accuracy of every arm, and the transfer matrix."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ironglass.report.comparison.rows import ArmRow, arm_rows
from ironglass.report.kit.axes import bar_lengths, in_percent
from ironglass.report.kit.palette import ACCENT, HEAT, INK, MUTED, ORANGE, RULE
from ironglass.report.kit.words import eps_text, shorten
from ironglass.results.hardening import Comparison, Transferred
from ironglass.results.numbers import Rate

MARKS: tuple[tuple[Callable[[ArmRow], Rate], str, str, str, bool], ...] = (
    (lambda row: row.clean, "unchanged images", MUTED, "o", True),
    (lambda row: row.transferred, "FGSM images made on the base", ORANGE, "s", True),
    (lambda row: row.own, "FGSM made on itself", ACCENT, "D", False),
    (lambda row: row.worst, "every attack on itself", ACCENT, "D", True),
)
"""The marks of the first chart: what each stands for, its label, colour and marker, and whether it is filled."""


def comparison(measured: Comparison, transferred: Transferred, *, narrow: bool = False) -> Figure:
    """A row an arm: accuracy on unchanged images, on images made on the base, and under attacks made on itself."""
    rows = arm_rows(measured, transferred)
    figure = Figure((3.7, 1.9 + 0.85 * len(rows)) if narrow else (7.2, 1.6 + 0.62 * len(rows)))
    axes = figure.subplots()
    for index, row in enumerate(rows):
        ends = [row.transferred.value, row.worst.value]
        axes.plot(ends, [index, index], color=RULE, linewidth=5, solid_capstyle="butt", zorder=1)
    for number, (read, label, colour, marker, filled) in enumerate(MARKS):
        rates = [read(row) for row in rows]
        axes.errorbar(
            [rate.value for rate in rates], [index + 0.17 * (number - 1.5) for index in range(len(rows))],
            xerr=bar_lengths(rates), fmt=marker, color=colour, markersize=6, elinewidth=1.2, capsize=2.5, label=label,
            markerfacecolor=colour if filled else "none",
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [_wrapped(row.label, 18 if narrow else 30) for row in rows])
    axes.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel(f"accuracy at eps {eps_text(rows[0].eps, measured.norm)}")
    in_percent(axes.xaxis)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=1 if narrow else 2)
    return figure


def matrix(measured: Comparison, transferred: Transferred, *, narrow: bool = False) -> Figure:
    """Transfer matrix: makers down, victims across, accuracy in each cell; a panel an attack and eps."""
    names = [arm.name for arm in measured.arms]
    rows = transferred.splits[transferred.measured].rows
    side = 3.7 if narrow else 3.5
    across = 1 if narrow else min(2, len(rows))
    down = -(-len(rows) // across)
    figure = Figure((side * across, (side + 0.1) * down))
    panels = np.atleast_1d(figure.subplots(down, across)).ravel()
    for axes in panels[len(rows) :]:
        axes.set_visible(False)
    for axes, row in zip(panels, rows, strict=False):
        for i, maker in enumerate(names):
            for j, victim in enumerate(names):
                value = row.surrogates[maker][victim].value
                axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=HEAT, alpha=value, linewidth=0, aa=False))
                weight = "bold" if i == j else "normal"
                axes.text(
                    j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=9, fontweight=weight, color=INK
                )
        for i in range(len(names)):
            axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.2))
        short = [shorten(name, 16) for name in names]
        axes.set_xticks(range(len(names)), short, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), short)
        axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5))
        axes.set(xlabel="shown to", ylabel="made on")
        axes.set_title(f"{row.attack.upper()}, eps {eps_text(row.eps, transferred.norm)}: right, %")
        axes.set_aspect("equal")
        axes.grid(False)
    return figure


def _wrapped(label: str, width: int) -> str:
    """The label in at most two lines."""
    if len(label) <= width:
        return label
    cut = label.rfind(" ", 0, width + 1)
    return shorten(label, width) if cut < 1 else f"{label[:cut]}\n{shorten(label[cut + 1 :], width)}"
