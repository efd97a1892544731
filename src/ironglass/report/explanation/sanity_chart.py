"""The chart of what is left of each method's maps as the network's weights are made random."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from ironglass.report.kit.line_styles import LINES
from ironglass.report.kit.palette import MUTED
from ironglass.report.kit.words import shorten
from ironglass.results.quality import Sanity

EDGES = ("edge detector, sees no network", (0, (5, 2)))
RANDOM = ("random maps", (0, (1, 1.5)))
"""Label and dashes of the controls."""


def sanity(measured: Sanity, labels: Mapping[str, str], *, narrow: bool = False) -> Figure:
    """Rank correlation with the original map against the layers made random, a line a method, two controls in grey."""
    layers = [0, *(depth.layers for depth in measured.depths)]
    controls = ((EDGES, measured.controls.edges), (RANDOM, measured.controls.random))
    count = len(measured.methods) + len(controls)
    figure = Figure((3.7, 2.9 + 0.19 * count) if narrow else (7.2, 3.0 + 0.19 * -(-count // 2)))
    axes = figure.subplots()
    for (label, dashes), similarity in controls:
        values = [1, *(mean.value for mean in similarity.correlation or ())]
        axes.plot(layers[: len(values)], values, color=MUTED, linestyle=dashes, linewidth=1.3, label=label)
    for i, (name, similarity) in enumerate(measured.methods.items()):
        style = LINES[i % len(LINES)]
        if not similarity.correlation:
            continue
        values = [1, *(mean.value for mean in similarity.correlation)]
        axes.plot(layers, values, label=shorten(labels.get(name) or name, 30), **style)
        low, high = (
            [1, *(mean.low for mean in similarity.correlation)],
            [1, *(mean.high for mean in similarity.correlation)],
        )
        axes.fill_between(layers, low, high, color=style["color"], alpha=0.12, linewidth=0)
    axes.set_ylim(min(-0.05, axes.get_ylim()[0]), 1.03)
    axes.set_xlim(0, layers[-1])
    axes.set_xlabel(f"layers made random, from the last to the first, of {measured.layers}")
    axes.set_ylabel("rank correlation with the original")
    figure.legend(loc="outside upper left", ncols=1 if narrow else 2, handlelength=3.2)
    return figure
