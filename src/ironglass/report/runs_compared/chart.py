"""The chart of runs compared: accuracy under attack against accuracy on unchanged images."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ironglass.report.kit.axes import bar_lengths, in_percent
from ironglass.report.kit.palette import BLUE, GREEN, INK, MAGENTA, ORANGE
from ironglass.report.kit.words import shorten
from ironglass.report.runs_compared.words import condition_words, strongest
from ironglass.results.numbers import Rate
from ironglass.results.runs_compared import ConditionCompared, RunsCompared

STYLES = [(colour, marker) for marker in ("o", "s", "^", "D") for colour in (BLUE, ORANGE, GREEN, MAGENTA)]
"""Colour and marker of each run."""


def best_of_both(clean: ConditionCompared, attacked: ConditionCompared) -> list[str]:
    """The runs that no other run beats in one of the two accuracies without losing in the other (Pareto)."""
    points = {name: (clean.rates[name].value, rate.value) for name, rate in attacked.rates.items()}
    return [
        name
        for name, (x, y) in points.items()
        if not any(one >= x and other >= y and (one, other) != (x, y) for one, other in points.values())
    ]


def _limits(rates: Sequence[Rate]) -> tuple[float, float]:
    """An axis that holds all intervals, a little wider, within a little more than 0 to 100 %."""
    low, high = min(rate.low for rate in rates), max(rate.high for rate in rates)
    edge = max(0.03, 0.12 * (high - low))
    return max(low - edge, -0.02), min(high + edge, 1.02)


def clean_robust(compared: RunsCompared, *, narrow: bool = False) -> Figure:
    """A point a run, with its intervals; a ring where no other run is better in both accuracies."""
    clean, attacked = compared.conditions[0], strongest(compared)
    assert attacked is not None  # drawn only where runs were attacked alike
    rows = -(-len(attacked.rates) // (1 if narrow else 3))
    figure = Figure((3.7, 3.2 + 0.2 * rows) if narrow else (7.2, 3.9 + 0.2 * rows))
    axes = figure.subplots()
    rings = best_of_both(clean, attacked)
    for number, (name, rate) in enumerate(attacked.rates.items()):
        colour, marker = STYLES[number % len(STYLES)]
        x = clean.rates[name]
        axes.errorbar(
            [x.value], [rate.value], xerr=bar_lengths([x]), yerr=bar_lengths([rate]), color=colour, fmt=marker,
            markersize=6, elinewidth=1.1, capsize=2.5, label=shorten(name, 28),
        )  # fmt: skip
        if name in rings and len(attacked.rates) > 2:
            axes.plot(x.value, rate.value, "o", color=INK, markersize=13, markerfacecolor="none", clip_on=False)
    axes.set(xlabel="accuracy on unchanged images", ylabel="accuracy under attack" if narrow else "")
    if not narrow:
        axes.set_ylabel(f"accuracy under attack,\n{condition_words(attacked)}")
    axes.set(xlim=_limits([clean.rates[name] for name in attacked.rates]), ylim=_limits(list(attacked.rates.values())))
    for axis in (axes.xaxis, axes.yaxis):
        in_percent(axis)
        axis.set_major_locator(MaxNLocator(5 if narrow else 7, steps=[1, 2, 5, 10]))  # whole percents
    figure.legend(loc="outside upper left", ncols=1 if narrow else 3)
    return figure
