"""A linear network of two classes as pictures: its weights, their signs, and images after one signed step."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ironglass.report.kit.palette import INK, MUTED, RIGHT, WRONG
from ironglass.report.kit.tensors import Array
from ironglass.report.kit.words import decimal, shorten
from ironglass.report.linear.weights import LinearWeights


def linear_chart(sides: Sequence[LinearWeights], classes: Sequence[str], *, narrow: bool = False) -> Figure:
    """A row a network: weights, their signs, and images after one signed step, below the images unchanged.

    All weights share one scale, and so do their signs and the images.
    """
    first = sides[0]
    chosen_rows = [i for label in (0, 1) for i in np.flatnonzero(first.labels == label)[: 1 if narrow else None]]
    scale = max(float(np.abs(side.weights).max()) for side in sides) or 1.0
    columns, rows = 2 + len(chosen_rows), 1 + len(sides)
    side_length = (3.7 if narrow else 7.2) / columns
    figure = Figure((3.7 if narrow else 7.2, rows * (side_length + 0.27) + 0.2))
    axes = figure.subplots(rows, columns)
    names = [shorten(name, 12) for name in classes]
    small = 6.5 if narrow else 8
    for one in axes.flat:
        one.set_axis_off()
    for column, text in ((0, f"weights\n“{names[1]}” − “{names[0]}”"), (1, "signs of\nthe weights")):
        axes[0, column].text(
            0.5, 0.0, text, ha="center", va="bottom", fontsize=small, transform=axes[0, column].transAxes
        )
    for column, i in enumerate(chosen_rows, start=2):
        _photo(axes[0, column], first.clean()[i], f"“{names[first.labels[i]]}”", INK, small)
    for row, side in enumerate(sides, start=1):
        signed = side.weights.mean(2)
        _map(axes[row, 0], signed, scale, f"{side.side or 'weights'}: ±{decimal(scale)}", small)
        _map(
            axes[row, 1],
            np.sign(signed),
            1.5,
            f"Σ|w| = {decimal(side.measured.reach / side.measured.eps) if side.measured.eps else '–'}",
            small,
        )
        moved = side.adversarial()
        called = side.predictions(moved)
        for column, i in enumerate(chosen_rows, start=2):
            right = called[i] == side.labels[i]
            text = f"{'✓' if right else '✗'} “{names[called[i]]}”"
            _photo(axes[row, column], moved[i], text, RIGHT if right else WRONG, small)
    return figure


def _photo(axes: Axes, image: Array, text: str, colour: str, size: float) -> None:
    picture = image if image.shape[2] == 3 else image[..., 0]
    axes.imshow(picture, cmap="gray", norm=Normalize(0, 1), interpolation="none")
    axes.set_title(text, fontsize=size, color=colour, loc="center", fontweight="normal", pad=3)


def _map(axes: Axes, values: Array, scale: float, text: str, size: float) -> None:
    axes.imshow(values, cmap="RdBu_r", norm=Normalize(-scale, scale), interpolation="none")
    axes.set_title(text, fontsize=size, color=MUTED, loc="center", fontweight="normal", pad=3)
