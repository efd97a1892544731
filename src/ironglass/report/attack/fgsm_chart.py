"""Accuracy against eps under FGSM."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from ironglass.report.kit.axes import band, in_percent
from ironglass.report.kit.palette import ACCENT
from ironglass.results.attack import FGSMCurve


def fgsm(measured: FGSMCurve, *, narrow: bool = False) -> Figure:
    """Accuracy against eps, which is given in 1/255 below and in [0, 1] above."""
    points = sorted(measured.points, key=lambda point: point.eps)
    figure = Figure((3.7, 3.3) if narrow else (7.2, 3.5))
    axes = figure.subplots()
    eps = [255 * point.eps for point in points]
    band(axes, eps, [point.accuracy for point in points], ACCENT, marker="o")
    axes.set(xlabel="eps: largest change of a pixel, in 1/255", ylabel="test accuracy under FGSM")
    axes.set_ylim(-0.01, 1.01)
    in_percent(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 4, 5, 8, 10]))
    above = axes.secondary_xaxis("top", functions=(lambda x: np.divide(x, 255), lambda x: np.multiply(x, 255)))
    above.set_xlabel("the same in units of [0, 1]")
    above.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    return figure
