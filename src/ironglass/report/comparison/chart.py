"""The charts of a comparison: what each arm seems to withstand and what it does, and who is fooled by whose images."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from ironglass.report.comparison.words import seeming
from ironglass.report.kit.palette import ACCENT, HEAT, INK, MUTED, ORANGE, RULE
from ironglass.report.kit.words import eps_text, shorten

MARKS = {
    "clean": ("unchanged images", MUTED, "o", False),
    "transferred": ("FGSM images made on the base", ORANGE, "s", False),
    "own": ("FGSM made on itself", ACCENT, "D", False),
    "worst": ("every attack on itself", ACCENT, "D", True),
}
"""What each mark of the first chart stands for: label, colour, marker, filled."""


def comparison(measured: dict[str, Any], shown: dict[str, Any], *, narrow: bool = False) -> Figure:
    """A row an arm: accuracy on unchanged images, on images made on the base, and under attacks made on itself."""
    rows = seeming(measured, shown)
    figure = Figure((3.7, 1.9 + 0.85 * len(rows)) if narrow else (7.2, 1.6 + 0.62 * len(rows)))
    axes = figure.subplots()
    for place, row in enumerate(rows):
        ends = [row["transferred"]["value"], row["worst"]["value"]]
        axes.plot(ends, [place, place], color=RULE, linewidth=5, solid_capstyle="butt", zorder=1)
    for number, (key, (label, colour, marker, filled)) in enumerate(MARKS.items()):
        rates = [row[key] for row in rows]
        arms = [[max(0.0, rate["value"] - rate["low"]) for rate in rates],
                [max(0.0, rate["high"] - rate["value"]) for rate in rates]]  # fmt: skip
        axes.errorbar(
            [rate["value"] for rate in rates], [place + 0.17 * (number - 1.5) for place in range(len(rows))], xerr=arms,
            fmt=marker, color=colour, markersize=6, elinewidth=1.2, capsize=2.5, label=label,
            markerfacecolor=colour if filled or key in ("clean", "transferred") else "none",
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [_wrapped(row["label"], 18 if narrow else 30) for row in rows])
    axes.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel(f"accuracy at eps {eps_text(rows[0]['eps'], measured['norm'])}")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=1 if narrow else 2)
    return figure


def matrix(measured: dict[str, Any], shown: dict[str, Any], *, narrow: bool = False) -> Figure:
    """Who is fooled by whose images: makers down, victims across, accuracy in each cell; a panel an attack and eps."""
    names = [arm["name"] for arm in measured["arms"]]
    rows = shown["splits"][shown["measured"]]["rows"]
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
                value = row["surrogates"][maker][victim]["value"]
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
        axes.set_title(f"{row['attack'].upper()}, eps {eps_text(row['eps'], shown['norm'])}: right, %")
        axes.set_aspect("equal")
        axes.grid(False)
    return figure


def _wrapped(label: str, width: int) -> str:
    """The label in at most two lines."""
    if len(label) <= width:
        return label
    cut = label.rfind(" ", 0, width + 1)
    return shorten(label, width) if cut < 1 else f"{label[:cut]}\n{shorten(label[cut + 1 :], width)}"
