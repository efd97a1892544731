"""Reference lines, limits and scales of axes, and lengths of error bars."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import PercentFormatter

from ironglass.report.kit.palette import MUTED


class Interval(Protocol):
    """A number and the ends of its interval."""

    @property
    def value(self) -> float:
        """The number."""
        ...

    @property
    def low(self) -> float:
        """The lower end."""
        ...

    @property
    def high(self) -> float:
        """The upper end."""
        ...


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


class _Shares(PercentFormatter):
    """Shares as "40 %", or as "37.5 %" where whole percentages would not be where the ticks are."""

    def set_locs(self, locs: Any) -> None:
        super().set_locs(locs)
        percentages = 100 * np.asarray(locs, dtype=float)
        exact = (n for n in range(4) if np.allclose(percentages, percentages.round(n), rtol=0, atol=1e-6))
        self.decimals = next(exact, 4)


def in_percent(axis: Axis) -> None:
    """Writes the shares of an axis as "40 %", with as many decimals as its ticks have."""
    axis.set_major_formatter(_Shares(1, decimals=0, symbol="\u202f%"))


def bar_lengths(rates: Sequence[Interval]) -> np.ndarray[Any, Any]:
    """Lengths of the error bars below and above, (2, number of rates); never negative by rounding."""
    lengths = [[rate.value - rate.low for rate in rates], [rate.high - rate.value for rate in rates]]
    return np.maximum(np.asarray(lengths, dtype=float), 0)


def band(
    axes: Axes, x: Sequence[float] | np.ndarray[Any, Any], rates: Sequence[Interval], colour: str, **line: Any
) -> None:
    """A line through the rates with their intervals as a band, or as bars where there is a single one."""
    values = [rate.value for rate in rates]
    marks: dict[str, Any] = {"markersize": 0 if len(values) > 30 else 4.5, **line}
    axes.plot(x, values, color=colour, **marks)
    if len(values) > 1:
        low, high = [rate.low for rate in rates], [rate.high for rate in rates]
        axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    else:
        axes.errorbar(x, values, yerr=bar_lengths(rates), color=colour, fmt="none", capsize=3)
