"""The report's charts: numbers of `results.json` in, a matplotlib Figure out, wide or narrow (for phones).

Every function is pure and draws with the colours of `palette`; 95 % intervals are bands or bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from ironglass.report.kit.axes import keep_percents, reference
from ironglass.report.kit.palette import ACCENT, HEAT, INK, MUTED, PAPER, RULE, WRONG
from ironglass.report.kit.words import shorten

ANNOTATED = 20  # classes up to which a confusion matrix has its counts written in


def training(history: list[dict[str, Any]], *, kept: int | None = None, narrow: bool = False) -> Figure:
    """Loss and accuracy an epoch, for training and validation; `kept` is the epoch whose weights were kept.

    A dotted line, with its name, stands where a stage begins.
    """
    figure = Figure((3.7, 5.2) if narrow else (7.2, 3.2))
    loss, accuracy = figure.subplots(2, 1, sharex=True) if narrow else figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    starts = [(b["epoch"] - 0.5, b.get("stage_name") or f"stage {b['stage'] + 1}")
              for a, b in pairwise(history) if a["stage"] != b["stage"]]  # fmt: skip
    for axes, what, unit in ((loss, "loss", "mean over images, nats"), (accuracy, "accuracy", "share right")):
        for split, style in (
            ("train", {"color": MUTED, "linestyle": "--", "marker": "o", "markerfacecolor": PAPER}),
            ("validation", {"color": ACCENT, "marker": "o"}),
        ):
            values = [row.get(f"{split}_{what}") for row in history]
            if any(value is not None for value in values):
                seen = [np.nan if value is None else value for value in values]
                axes.plot(epochs, seen, label=split, markersize=3 if len(epochs) < 40 else 0, **style)
                if split == "validation" and kept in epochs:
                    at = (kept, seen[epochs.index(kept)])
                    axes.plot(*at, "o", color=ACCENT, markersize=10, markerfacecolor="none", label="kept")
        for start, _ in starts:
            axes.axvline(start, color=MUTED, linewidth=0.8, linestyle=":")
        axes.set_title(f"{what.capitalize()} ({unit})")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        if not (narrow and what == "loss"):
            axes.set_xlabel("epoch")
    for start, name in starts:
        loss.annotate(
            shorten(name, 20), (start, 1), (3, -3), xycoords=("data", "axes fraction"),
            textcoords="offset points", va="top", rotation=90, fontsize=8, color=MUTED,
        )  # fmt: skip
    loss.set_ylim(bottom=0)
    accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    keep_percents(accuracy)
    loss.legend(loc="best")
    return figure


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str], *, narrow: bool = False) -> Figure:
    """Images by true class (rows) and prediction (columns), shaded by share of the row; counts up to 20 classes.

    Of more classes, those that have no images and were never predicted are left out.
    """
    counts = np.asarray(matrix, dtype=float)
    if len(counts) > ANNOTATED:
        seen = np.flatnonzero(counts.sum(0) + counts.sum(1))
        counts, classes = counts[np.ix_(seen, seen)], [classes[int(i)] for i in seen]
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


def layers(measured: dict[str, Any], *, narrow: bool = False) -> Figure:
    """What each layer's output is worth: three accuracies above, where it looks below, in the order of the layers."""
    rows = measured["layers"]
    places = np.arange(1, len(rows) + 1)
    figure = Figure((3.7, 6.0) if narrow else (7.2, 5.0))
    accuracy, looking = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    for key, label, colour, line, marker in (
        ("probe", "read off by a linear classifier", ACCENT, "-", "o"),
        ("without_layout", "network, its layout averaged away", INK, "--", "s"),
        ("without_layer", "network, its output held constant", WRONG, ":", "^"),
    ):
        _band(accuracy, places, [row[key] for row in rows], colour, label=label, linestyle=line, marker=marker)
    reference(accuracy, measured["chance"], "chance")
    accuracy.set_title("Test accuracy")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    keep_percents(accuracy)
    figure.legend(loc="outside upper left", ncols=1, handles=accuracy.get_legend_handles_labels()[0])
    _band(looking, places, [row["concentration"] for row in rows], ACCENT, label="concentration (share)", marker="o")
    agreeing = [(place, row["agreement"]) for place, row in zip(places, rows, strict=True) if row.get("agreement")]
    if agreeing:
        where, rates = zip(*agreeing, strict=True)
        _band(looking, where, rates, INK, label="agreement (rank correlation)", linestyle="--", marker="s")
    reference(looking, 0.1, "even")
    looking.set_title("Where it looks")
    lowest = min([0.0, *(rate["low"] for _, rate in agreeing)])
    looking.set_ylim(max(-1.02, lowest * 1.05), 1.02)
    looking.legend(loc="upper left", ncols=1 if narrow else 2)
    if len(rows) <= (6 if narrow else 12):
        names = [shorten(row["name"], 16) for row in rows]
        looking.set_xticks(places, names, rotation=35, ha="right", rotation_mode="anchor")
        looking.set_xlabel("convolutional layer, first to last")
    else:
        looking.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
        looking.set_xlabel("number of the convolutional layer, first to last")
    return figure


def occlusion(measured: dict[str, Any], *, narrow: bool = False) -> Figure:
    """Accuracy under each mask, averaged over places and at each image's own worst place, beside the clean one."""
    masks = measured["masks"]
    figure = Figure((3.7, 1.7 + 0.5 * len(masks)) if narrow else (7.2, 1.5 + 0.42 * len(masks)))
    axes = figure.subplots()
    clean = measured["clean"]
    axes.axvspan(clean["low"], clean["high"], color=MUTED, alpha=0.25, linewidth=0)
    axes.axvline(clean["value"], color=MUTED, linewidth=1, label="without a patch")
    for key, label, colour, marker, shift in (
        ("mean", "averaged over places", ACCENT, "o", -0.13),
        ("worst", "worst place of each image", WRONG, "D", 0.13),
    ):
        rates = [mask[key] for mask in masks]
        axes.errorbar(
            [rate["value"] for rate in rates], np.arange(len(masks)) + shift, xerr=_arms(rates), fmt=marker,
            color=colour, markersize=6, elinewidth=1.4, capsize=3, label=label,
        )  # fmt: skip
    axes.set_yticks(range(len(masks)), [str(mask["name"]) for mask in masks])
    axes.set(xlim=(-0.01, 1.01), ylim=(len(masks) - 0.5, -0.5), ylabel="what the patch shows")
    axes.set_xlabel("test accuracy under the patch")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=1 if narrow else 3)
    return figure


def fgsm(measured: dict[str, Any], *, narrow: bool = False) -> Figure:
    """Accuracy against eps, which is given in 1/255 below and in [0, 1] above."""
    points = sorted(measured["points"], key=lambda point: point["eps"])
    figure = Figure((3.7, 3.3) if narrow else (7.2, 3.5))
    axes = figure.subplots()
    eps = [255 * point["eps"] for point in points]
    _band(axes, eps, [point["accuracy"] for point in points], ACCENT, marker="o")
    axes.set(xlabel="eps: largest change of a pixel, in 1/255", ylabel="test accuracy under FGSM")
    axes.set_ylim(-0.01, 1.01)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 4, 5, 8, 10]))
    above = axes.secondary_xaxis("top", functions=(lambda x: np.divide(x, 255), lambda x: np.multiply(x, 255)))
    above.set_xlabel("the same in units of [0, 1]")
    above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return figure


def _band(axes: Axes, x: Sequence[float] | np.ndarray, rates: Sequence[dict], colour: str, **line: Any) -> None:
    """A line through the rates with their intervals as a band, or as bars where there is a single one."""
    values, low, high = ([rate[key] for rate in rates] for key in ("value", "low", "high"))
    axes.plot(x, values, color=colour, **{"markersize": 0 if len(values) > 30 else 4.5, **line})
    if len(values) > 1:
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    else:
        axes.errorbar(x, values, yerr=_arms(rates), color=colour, fmt="none", capsize=3)


def _arms(rates: Sequence[dict]) -> np.ndarray:
    """Lengths of the error bars below and above, never negative by rounding."""
    arms = [[r["value"] - r["low"] for r in rates], [r["high"] - r["value"] for r in rates]]
    return np.maximum(np.asarray(arms, dtype=float), 0)


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
    scale.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    scale.tick_params(labelsize=8)
    scale.grid(False)
    scale.spines[:].set(visible=True, color=RULE)
