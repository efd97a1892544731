"""ROC and precision-recall curves of every class against the rest."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ironglass.report.kit.axes import in_percent
from ironglass.report.kit.line_styles import LINES
from ironglass.report.kit.palette import MUTED
from ironglass.report.kit.words import shorten
from ironglass.results.evaluation.by_class import Curve

NAMED = 6
"""Classes up to which each curve has its name; of more, those of the `WORST` smallest areas."""
WORST = 3


def class_curves(curves: Sequence[Curve], names: Sequence[str], *, narrow: bool = False) -> Figure:
    """Left (on phones above) the ROC curves, right the precision-recall curves; dashed, the ROC of no knowledge.

    names: of the curves' classes, for people. Of two classes the rarer one is drawn: the other's ROC is the same.
    """
    pairs = [(curve, name) for curve, name in zip(curves, names, strict=True) if curve.roc]
    if len(pairs) == 2:
        pairs = [min(pairs, key=lambda pair: pair[0].share)]
    pairs.sort(key=lambda pair: pair[0].roc_auc.value)
    named = pairs if len(pairs) <= NAMED else pairs[:WORST]
    lines = len(named) if narrow else -(-len(named) // 3)
    figure = Figure((3.7, 6.6 + 0.19 * lines) if narrow else (7.2, 3.6 + 0.19 * lines))
    roc, precision = np.ravel(figure.subplots(2, 1) if narrow else figure.subplots(1, 2))
    for curve, _ in pairs[len(named) :]:
        _draw(roc, precision, curve, color=MUTED, alpha=0.5, linewidth=0.8)
    for i, (curve, name) in reversed([*enumerate(named)]):
        style = {key: value for key, value in LINES[i].items() if key != "marker"}
        _draw(roc, precision, curve, linewidth=1.5, label=shorten(name, 22), **style)
    roc.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle="--")
    roc.set(xlabel="share of other images given the name", ylabel="share of the class found")
    precision.set(xlabel="share of the class found (recall)", ylabel="share right among those named")
    for axes in (roc, precision):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        in_percent(axes.xaxis)
        in_percent(axes.yaxis)
    handles, labels = roc.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=1 if narrow else 3, handlelength=3.6)
    return figure


def _draw(roc: Any, precision: Any, curve: Curve, **style: Any) -> None:
    roc.plot(*zip(*curve.roc, strict=True), **style)
    precision.plot(*zip(*curve.precision_recall, strict=True), **style)
