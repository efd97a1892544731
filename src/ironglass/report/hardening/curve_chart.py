"""The chart of a hardening over eps: both sides under one attack."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from matplotlib.figure import Figure

from ironglass.report.kit.axes import band, in_percent
from ironglass.report.kit.palette import ACCENT, INK, MUTED
from ironglass.report.kit.words import eps_number
from ironglass.results.hardening import Hardening


def eps_curve(measured: Hardening, *, narrow: bool = False) -> Figure:
    """Accuracy before and after against eps, in even steps from one measured eps to the next; a line at the judged."""
    assert measured.curve is not None  # drawn only where it was measured
    points = measured.curve.points
    figure = Figure((3.7, 3.1) if narrow else (7.2, 3.2))
    axes = figure.subplots()
    steps = list(range(len(points)))
    band(axes, steps, [point.before for point in points], MUTED, marker="o", linestyle="--", label="before")
    band(axes, steps, [point.after for point in points], ACCENT, marker="D", label="after")
    for step, point in zip(steps, points, strict=True):
        if point.eps in measured.eps:
            axes.axvline(step, color=INK, linewidth=0.8, linestyle=":", zorder=0)
    axes.set_xticks(steps, ["0" if point.eps == 0 else eps_number(point.eps, measured.norm) for point in points])
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel(f"eps ({measured.norm.capitalize()})")
    axes.set_ylabel("accuracy")
    in_percent(axes.yaxis)
    figure.legend(loc="outside upper left", ncols=2)
    return figure
