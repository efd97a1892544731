"""The chart of what is left of each method's maps as the network's weights are made random."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from ironglass.report.kit.line_styles import LINES
from ironglass.report.kit.palette import MUTED
from ironglass.report.kit.words import shorten

CONTROLS = {"edges": ("edge detector, sees no network", (0, (5, 2))), "random": ("random maps", (0, (1, 1.5)))}


def sanity(measured: dict[str, Any], labels: dict[str, str], *, narrow: bool = False) -> Figure:
    """Rank correlation with the original map against the layers made random, a line a method, two controls in grey."""
    layers = [0, *(depth["layers"] for depth in measured["depths"])]
    count = len(measured["methods"]) + len(CONTROLS)
    figure = Figure((3.7, 2.9 + 0.19 * count) if narrow else (7.2, 3.0 + 0.19 * -(-count // 2)))
    axes = figure.subplots()
    for name, (label, dashes) in CONTROLS.items():
        means = measured["controls"][name]["correlation"]
        axes.plot(
            layers, [1, *(mean["value"] for mean in means)], color=MUTED, linestyle=dashes, linewidth=1.3, label=label
        )
    for i, (name, found) in enumerate(measured["methods"].items()):
        means, style = found["correlation"], LINES[i % len(LINES)]
        if not means or any(mean is None for mean in means):
            continue
        axes.plot(layers, [1, *(mean["value"] for mean in means)], label=shorten(labels.get(name) or name, 30), **style)
        low, high = ([1, *(mean[key] for mean in means)] for key in ("low", "high"))
        axes.fill_between(layers, low, high, color=style["color"], alpha=0.12, linewidth=0)
    axes.set_ylim(min(-0.05, axes.get_ylim()[0]), 1.03)
    axes.set_xlim(0, layers[-1])
    axes.set_xlabel(f"layers made random, from the last to the first, of {measured['layers']}")
    axes.set_ylabel("rank correlation with the original")
    figure.legend(loc="outside upper left", ncols=1 if narrow else 2, handlelength=3.2)
    return figure
