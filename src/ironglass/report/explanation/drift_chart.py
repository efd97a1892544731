"""The chart of how far maps move when their images are changed."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ironglass.report.explanation.words import Changed, changed_conditions
from ironglass.report.kit.palette import ACCENT, INK, MUTED, ORANGE, RULE
from ironglass.report.kit.words import shorten
from ironglass.results.explanation import Explanations, Method

METRICS = {
    "rank_correlation": "rank correlation",
    "top_overlap": "overlap of the top tenth",
    "ssim": "SSIM",
    "shift": "shift of the centre",
}
INSIDE = {"inside_before": "before", "inside_after": "after"}
COLOURS = {"occlusion": ACCENT, "control": MUTED, "attack": ORANGE}


def drift_metrics(measured: Explanations) -> dict[str, str]:
    """The metrics that were measured, and their names in a table."""
    there = {
        metric
        for condition in changed_conditions(measured)
        for drift_by_metric in condition.drift.values()
        for metric in drift_by_metric
    }
    named = METRICS | {metric: f"inside, {when}" for metric, when in INSIDE.items()}
    return {metric: name for metric, name in named.items() if metric in there}


def drift(measured: Explanations, *, narrow: bool = False) -> Figure:
    """A panel a metric, a row a method and condition: median, middle half and middle nine tenths of the images."""
    there = drift_metrics(measured)
    panels = [metric for metric in METRICS if metric in there]
    inside = "inside_before" in there
    count = len(panels) + inside
    changed = changed_conditions(measured)
    rows = [(method, condition) for method in measured.methods for condition in changed]
    columns = 1 if narrow else 2
    lines = -(-count // columns)
    figure = Figure((3.7 if narrow else 7.2, lines * (0.75 + 0.19 * len(rows)) + 0.3 + 0.18 * len(changed)))
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel_index, panel in enumerate(axes):
        if panel_index >= count:
            panel.set_visible(False)
            continue
        metric = panels[panel_index] if panel_index < len(panels) else None
        _panel(panel, rows, len(changed), metric)
        if not narrow and panel_index % columns:
            panel.set_yticklabels([])
    handles = [
        axes[0].plot([], [], color=COLOURS[condition.kind], marker="o", linewidth=4, label=shorten(label, 54))[0]
        for condition in changed
        for label in (condition.label,)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=1, handlelength=1.6)
    return figure


def _panel(axes: Axes, rows: Sequence[tuple[Method, Changed]], group: int, metric: str | None) -> None:
    """One metric; None for the share of the map in the hidden part, before hollow and after full."""
    for row, (method, condition) in enumerate(rows):
        drift_by_metric, colour = condition.drift[method.name], COLOURS[condition.kind]
        if metric is not None:
            _spread(axes, row, drift_by_metric[metric].quantiles, colour)
        elif "inside_before" in drift_by_metric:
            _spread(axes, row - 0.18, drift_by_metric["inside_before"].quantiles, RULE, dot=MUTED)
            _spread(axes, row + 0.18, drift_by_metric["inside_after"].quantiles, colour)
    names = [shorten(method.label, 24) for method, _ in rows[::group]]
    middle = (group - 1) / 2
    axes.set_yticks([i * group + middle for i in range(len(names))], names)
    for edge in range(1, len(names)):
        axes.axhline(edge * group - 0.5, color=RULE, linewidth=0.6)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    if metric is None:
        axes.set_title("Share in the hidden part")
        axes.set_xlabel("share of |map|; grey: before")
    else:
        axes.set_title(METRICS[metric].capitalize() if metric != "ssim" else "SSIM")
        axes.set_xlabel({"shift": "share of the diagonal; 0 is no change"}.get(metric, "1 is no change"))


def _spread(
    axes: Axes, row: float, quantiles: tuple[float, float, float, float, float], colour: str, dot: str = INK
) -> None:
    low, lower, middle, upper, high = quantiles
    axes.plot([low, high], [row, row], color=colour, linewidth=1, solid_capstyle="butt")
    axes.plot([lower, upper], [row, row], color=colour, linewidth=5, solid_capstyle="butt")
    axes.plot([middle], [row], color=dot, marker="o", markersize=3.5)
