"""The reliability diagram, and the risk against coverage."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ironglass.report.kit.axes import bar_lengths, in_percent
from ironglass.report.kit.palette import BLUE, MUTED
from ironglass.results.evaluation.confidence import Confidence

_SMALL = 0.06
"""Risk below which whole percents would name several ticks alike."""


def reliability(confidence: Confidence, *, narrow: bool = False) -> Figure:
    """Left (on phones above) accuracy against confidence, a point a bin; right the risk of the surest answers."""
    figure = Figure((3.7, 6.4) if narrow else (7.2, 3.5))
    diagram, risk = np.ravel(figure.subplots(2, 1) if narrow else figure.subplots(1, 2))
    bins = confidence.reliability
    sure, rates = [one.confidence for one in bins], [one.accuracy for one in bins]
    total = sum(rate.n for rate in rates)
    diagram.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
    diagram.errorbar(
        sure, [rate.value for rate in rates], yerr=bar_lengths(rates), color=BLUE, fmt="none", linewidth=1.2
    )
    sizes = [12 + 160 * rate.n / total for rate in rates]
    diagram.scatter(sure, [rate.value for rate in rates], s=sizes, color=BLUE, linewidth=0, zorder=3, clip_on=False)
    diagram.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="confidence", ylabel="share that is right")
    curve = confidence.selective.curve
    risk.plot([point[0] for point in curve], [point[1] for point in curve], color=BLUE, linewidth=1.5)
    at = confidence.selective
    risk.errorbar(
        [at.coverage], [at.risk.value], yerr=bar_lengths([at.risk]), color=BLUE, fmt="o", markersize=5, capsize=3
    )
    highest = max(max(point[1] for point in curve), at.risk.high)
    risk.set(xlim=(0, 1.02), ylim=(0, min(1.02, 1.1 * highest + 0.01)), xlabel="share of images answered")
    risk.set_ylabel("share of answers that are wrong")
    for axis in (diagram.xaxis, diagram.yaxis, risk.xaxis, risk.yaxis):
        in_percent(axis)
    if highest < _SMALL:
        risk.yaxis.set_major_formatter(PercentFormatter(1, decimals=1, symbol="\u202f%"))
    return figure
