"""The chart of what is left where a patch may lie anywhere."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ironglass.report.kit.axes import in_percent
from ironglass.report.kit.palette import ACCENT
from ironglass.results.audit import Exhaustive


def exhaustive(measured: Exhaustive, *, narrow: bool = False) -> Figure:
    """Accuracy that no place of a patch takes away, against the patch's size; without a patch at 0."""
    rates = [measured.clean, *(entry.accuracy for entry in measured.sizes)]
    sizes = [0, *(entry.size for entry in measured.sizes)]
    figure = Figure((3.7, 2.9) if narrow else (7.2, 3.1))
    axes = figure.subplots()
    axes.plot(sizes, [rate.value for rate in rates], color=ACCENT, marker="o")
    axes.fill_between(
        sizes, [rate.low for rate in rates], [rate.high for rate in rates], color=ACCENT, alpha=0.16, linewidth=0
    )
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(left=0)
    axes.set_xlabel("side of the patch in pixels; 0: no patch")
    axes.set_ylabel("right at every position")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    in_percent(axes.yaxis)
    return figure
