"""Reference lines and limits of axes."""

from __future__ import annotations

from matplotlib.axes import Axes

from ironglass.report.kit.palette import MUTED


def reference(axes: Axes, height: float, name: str) -> None:
    """A named level to compare with."""
    axes.axhline(height, color=MUTED, linewidth=0.8)
    axes.annotate(
        name, (1, height), (3, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
        va="center", fontsize=8, color=MUTED, annotation_clip=False,
    )  # fmt: skip


def keep_percents(axes: Axes) -> None:
    """Limits an accuracy axis to what a share can be, with a little air."""
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, -0.02), min(high, 1.02))
