"""The confusion matrix."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ironglass.report.kit.axes import in_percent
from ironglass.report.kit.palette import HEAT, INK, MUTED, RULE
from ironglass.report.kit.words import shorten

ANNOTATED = 20
"""Classes up to which a confusion matrix has its counts written in."""


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], *, narrow: bool = False) -> Figure:
    """Images by true class (rows) and prediction (columns), shaded by share of the row; counts up to 20 classes.

    Of more classes, those that have no images and were never predicted are left out.
    """
    counts = np.asarray(matrix, dtype=float)
    if len(counts) > ANNOTATED:
        occurring = np.flatnonzero(counts.sum(0) + counts.sum(1))
        counts, classes = counts[np.ix_(occurring, occurring)], [classes[int(i)] for i in occurring]
    k = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 3.7 if narrow else min(7.2, 3.4 + 0.2 * k)
    figure = Figure((side, side * (0.82 if k <= 4 else 0.9)))
    axes = figure.subplots()
    axes.set_aspect("equal")
    if k <= ANNOTATED:
        small = (9.5 if k <= 4 else 6.5 if k <= 10 else 4.5) if narrow else (11 if k <= 4 else 8.5 if k <= 12 else 7)
        for i, j in np.ndindex(k, k):
            axes.add_patch(
                Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=HEAT, alpha=shares[i, j], linewidth=0, aa=False)
            )
            weight = "bold" if i == j else "normal"
            colour = INK if counts[i, j] else MUTED
            text = f"{counts[i, j]:.0f}"
            axes.text(j, i, text, ha="center", va="center", fontsize=small, fontweight=weight, color=colour)
        names = [shorten(str(name), 10 if narrow else 14) for name in classes]
        tilt: dict[str, Any] = {} if k <= 4 else {"rotation": 50, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(k), names, **tilt)
        axes.set_yticks(range(k), names)
        axes.tick_params(labelsize=min(8.5, small + 1.5))
    else:
        shaded = np.empty((k, k, 4))
        shaded[..., :3] = [int(HEAT[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        shaded[..., 3] = shares
        axes.imshow(shaded, interpolation="nearest")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), xlabel="predicted class", ylabel="true class")
    axes.grid(False)
    axes.spines[:].set(visible=True, color=RULE)
    _shade_scale(figure, axes)
    return figure


def _shade_scale(figure: Figure, axes: Axes) -> None:
    """The scale of the shading: drawn, since a colour bar would not follow the page's theme."""
    scale = axes.inset_axes((1.03, 0, 0.03, 1))
    for step in range(25):
        scale.add_patch(
            Rectangle((0, step / 25), 1, 1 / 25, facecolor=HEAT, alpha=(step + 0.5) / 25, linewidth=0, aa=False)
        )
    scale.set(xlim=(0, 1), ylim=(0, 1), xticks=[])
    scale.set_ylabel("share of the true class’s images")
    scale.yaxis.tick_right()
    scale.yaxis.set_label_position("right")
    in_percent(scale.yaxis)
    scale.tick_params(labelsize=8)
    scale.grid(False)
    scale.spines[:].set(visible=True, color=RULE)
