"""The chart of what every layer contributes."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ironglass.report.kit.axes import band, in_percent, keep_percents, reference
from ironglass.report.kit.palette import ACCENT, INK, WRONG
from ironglass.report.kit.words import shorten
from ironglass.results.audit import Layers


def layers(measured: Layers, *, narrow: bool = False) -> Figure:
    """Three accuracies a layer above, concentration and agreement of Grad-CAM below, in the order of the layers."""
    rows = measured.layers
    positions = np.arange(1, len(rows) + 1)
    figure = Figure((3.7, 6.0) if narrow else (7.2, 5.0))
    accuracy, grad_cam = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for rates, label, colour, line, marker in (
        ([row.probe for row in rows], "read off by a linear classifier", ACCENT, "-", "o"),
        ([row.without_layout for row in rows], "network, its layout averaged away", INK, "--", "s"),
        ([row.without_layer for row in rows], "network, its output held constant", WRONG, ":", "^"),
    ):
        band(accuracy, positions, rates, colour, label=label, linestyle=line, marker=marker)
    reference(accuracy, measured.chance, "chance")
    accuracy.set_title("Test accuracy")
    in_percent(accuracy.yaxis)
    keep_percents(accuracy)
    figure.legend(loc="outside upper left", ncols=1, handles=accuracy.get_legend_handles_labels()[0])
    band(grad_cam, positions, [row.concentration for row in rows], ACCENT, label="concentration (share)", marker="o")
    agreeing = [(index, row.agreement) for index, row in enumerate(rows, 1) if row.agreement]
    if agreeing:
        where = [index for index, _ in agreeing]
        means = [mean for _, mean in agreeing]
        band(grad_cam, where, means, INK, label="agreement (rank correlation)", linestyle="--", marker="s")
    reference(grad_cam, 0.1, "even")
    grad_cam.set_title("Grad-CAM")
    lowest = min([0.0, *(rate.low for _, rate in agreeing)])
    grad_cam.set_ylim(max(-1.02, lowest * 1.05), 1.02)
    grad_cam.legend(loc="upper left", ncols=1 if narrow else 2)
    if len(rows) <= (6 if narrow else 12):
        names = [shorten(row.name, 16) for row in rows]
        grad_cam.set_xticks(positions, names, rotation=35, ha="right", rotation_mode="anchor")
        grad_cam.set_xlabel("convolutional layer, first to last")
    else:
        grad_cam.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        grad_cam.set_xlabel("number of the convolutional layer, first to last")
    return figure
