"""The chart of brackets: for each eps a bar from what is proved to what an attack leaves."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from matplotlib.figure import Figure

from ironglass.report.kit.palette import INK, MUTED, PAPER, RIGHT, RULE, WRONG
from ironglass.report.kit.words import eps_text
from ironglass.results.certification import Certification


def brackets(measured: Certification, *, narrow: bool = False) -> Figure:
    """A bar an eps: certified, unknown (hatched), fooled or misread; in percent of the images."""
    rows = measured.points
    figure = Figure((3.7, 1.0 + 0.34 * len(rows)) if narrow else (7.2, 1.0 + 0.4 * len(rows)))
    axes = figure.subplots()
    small = 7 if narrow else 9
    for row, point in enumerate(rows):
        low = 100 * point.certified.value
        high = 100 * (point.attacked or measured.clean).value
        axes.barh(row, low, 0.62, color=RIGHT, linewidth=0)
        axes.barh(row, high - low, 0.62, left=low, facecolor="none", edgecolor=MUTED, hatch="////", linewidth=0.6)
        axes.barh(row, 100 - high, 0.62, left=high, color=WRONG, linewidth=0, alpha=0.25)
        if low < 0.05:
            axes.text(1, row, "0\u202f% certified: nothing is proved", va="center", color=INK, fontsize=small, bbox={
                "facecolor": PAPER, "linewidth": 0, "pad": 1.5
            })  # fmt: skip
    axes.set_yticks(range(len(rows)), [eps_text(point.eps, measured.norm) for point in rows])
    axes.set(xlim=(0, 100), ylim=(len(rows) - 0.5, -0.5))
    axes.tick_params(length=0, labelsize=small)
    axes.set_xlabel("percent of the images", color=MUTED, fontsize=8)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    return figure
