"""Accuracy under a patch, by what the patch shows."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ironglass.report.kit.axes import bar_lengths, in_percent
from ironglass.report.kit.palette import ACCENT, MUTED, WRONG
from ironglass.results.audit import Occlusion


def occlusion(measured: Occlusion, *, narrow: bool = False) -> Figure:
    """Accuracy under each mask, averaged over positions and at each image's own worst one, beside the clean one."""
    masks = measured.masks
    figure = Figure((3.7, 1.7 + 0.5 * len(masks)) if narrow else (7.2, 1.5 + 0.42 * len(masks)))
    axes = figure.subplots()
    clean = measured.clean
    axes.axvspan(clean.low, clean.high, color=MUTED, alpha=0.25, linewidth=0)
    axes.axvline(clean.value, color=MUTED, linewidth=1, label="without a patch")
    for rates, label, colour, marker, shift in (
        ([mask.mean for mask in masks], "mean over positions", ACCENT, "o", -0.13),
        ([mask.worst for mask in masks], "worst position of each image", WRONG, "D", 0.13),
    ):
        axes.errorbar(
            [rate.value for rate in rates], np.arange(len(masks)) + shift, xerr=bar_lengths(rates), fmt=marker,
            color=colour, markersize=6, elinewidth=1.4, capsize=3, label=label,
        )  # fmt: skip
    axes.set_yticks(range(len(masks)), [mask.name for mask in masks])
    axes.set(xlim=(-0.01, 1.01), ylim=(len(masks) - 0.5, -0.5), ylabel="what the patch shows")
    axes.set_xlabel("test accuracy under the patch")
    in_percent(axes.xaxis)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=1 if narrow else 3)
    return figure
