"""The chart of accuracy against eps under several attacks, wide or narrow (for phones)."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ironglass.report.kit.axes import in_percent, keep_percents, reference
from ironglass.report.kit.line_styles import LINES
from ironglass.report.kit.palette import INK, PAPER
from ironglass.report.kit.words import short_labels, shorten, verdict_word
from ironglass.results.attack import AttackPoint, Attacks, WorstPoint
from ironglass.results.numbers import Rate

FILLED: dict[str, dict[str, Any]] = {
    "trusted": {"fillstyle": "full"},
    "suspect": {"fillstyle": "left", "markerfacecoloralt": PAPER},
    "invalid": {"fillstyle": "full", "markerfacecolor": PAPER},
    "not judged": {"fillstyle": "none", "alpha": 0.5},
}
"""A mark is filled as far as the number can be trusted, like the sign before the verdict's word."""


MEANINGS = {
    "linf": "largest change of a pixel, in 1/255",
    "l2": "length of the whole change (L2)",
    "l1": "sum of the changes of all values (L1)",
}
"""What an eps measures under each norm."""


def under_attack(measured: Attacks, *, chance: float | None = None, narrow: bool = False) -> Figure:
    """Accuracy against eps, a line an attack with its 95 % band, and thick beneath them the worst case of each image.

    Every line starts at eps 0 with the accuracy on unchanged images. eps is in 1/255 under Linf, else as it is.
    """
    unit = 255 if measured.norm == "linf" else 1
    rows, several = measured.attacks, len(measured.attacks) > 1
    labels = short_labels([row.label for row in rows])
    widest = 40 if narrow else 26 if max(map(len, labels)) <= 26 else 44
    lines = 1 + len(rows) if narrow else (1 + len(rows)) / (3 if widest == 26 else 2)
    figure = Figure((3.7, 3.1 + 0.19 * lines) if narrow else (7.2, 3.4 + 0.19 * lines))
    axes = figure.subplots()
    handles: list[Line2D] = []
    if several:
        style: dict[str, Any] = {"color": INK, "linewidth": 4.5, "solid_capstyle": "round"}
        _curve(axes, measured.clean, measured.worst, unit, zorder=2, alpha=0.42, **style)
        handles.append(Line2D([], [], label="worst case of each image", alpha=0.42, **style))
    for i, (row, label) in enumerate(zip(rows, labels, strict=True)):
        style = LINES[i % len(LINES)]
        _curve(axes, measured.clean, row.points, unit, zorder=3, linewidth=1.5, **style)
        handles.append(Line2D([], [], label=shorten(label, widest), linewidth=1.5, markersize=5.5, **style))
    if chance is not None:
        reference(axes, chance, "chance")
    axes.set_ylabel("accuracy")
    axes.set_xlabel(f"eps: {MEANINGS[measured.norm]}")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(left=0)
    in_percent(axes.yaxis)
    keep_percents(axes)
    is_integer = unit * max((point.eps for row in rows for point in row.points), default=0) >= 4
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 4, 5, 8, 10], integer=is_integer))
    figure.legend(
        handles=handles, loc="outside upper left", ncols=1 if narrow else 3 if widest == 26 else 2, handlelength=3.6
    )
    return figure


def _curve(
    axes: Axes, clean: Rate, points: Sequence[AttackPoint | WorstPoint], unit: float, *, alpha: float = 1, **style: Any
) -> None:
    """One line from the unchanged images through the points, its band, and a mark a point, filled by its verdict."""
    moved = sorted((point for point in points if point.eps > 0), key=lambda point: point.eps)
    eps = [0.0, *(unit * point.eps for point in moved)]
    rates = [clean, *(point.accuracy for point in moved)]
    marker, zorder = style.pop("marker", None), style.pop("zorder")
    low, high = [rate.low for rate in rates], [rate.high for rate in rates]
    axes.fill_between(eps, low, high, color=style["color"], alpha=0.1, linewidth=0)
    axes.plot(eps, [rate.value for rate in rates], alpha=alpha, zorder=zorder, **style)
    if marker:
        for x, point in zip(eps[1:], moved, strict=True):
            filled = FILLED[verdict_word(point.verdict)]
            axes.plot(
                x, point.accuracy.value, linestyle="none", marker=marker, markersize=5.5, zorder=zorder + 0.5,
                **{"color": style["color"], **filled},
            )  # fmt: skip
