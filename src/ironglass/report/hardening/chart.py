"""The charts of a hardening: before and after, and what the guard saw."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ironglass.report.kit.palette import ACCENT, MUTED, ORANGE, RULE
from ironglass.report.kit.words import eps_text, shorten

SIDES = {"before": (MUTED, "o", -0.15), "after": (ACCENT, "D", 0.15)}


def hardening(measured: dict[str, Any], *, narrow: bool = False) -> Figure:
    """A row a condition, the accuracy before and after with their intervals, and a line from the one to the other."""
    rows = measured["rows"]
    figure = Figure((3.7, 1.5 + 0.5 * len(rows)) if narrow else (7.2, 1.3 + 0.42 * len(rows)))
    axes = figure.subplots()
    for place, row in enumerate(rows):
        axes.plot([row[side]["value"] for side in SIDES], [place - 0.15, place + 0.15], color=RULE, linewidth=1.2)
    for side, (colour, marker, shift) in SIDES.items():
        rates = [row[side] for row in rows]
        arms = [[rate["value"] - rate["low"] for rate in rates], [rate["high"] - rate["value"] for rate in rates]]
        axes.errorbar(
            [rate["value"] for rate in rates], [place + shift for place in range(len(rows))],
            xerr=[[max(0.0, arm) for arm in side_arms] for side_arms in arms], fmt=marker, color=colour, markersize=6,
            elinewidth=1.4, capsize=3, label=side,
        )  # fmt: skip
    several = len(measured["eps"]) > 1
    names = [
        f"{shorten(row['label'].partition(' (')[0], 24 if narrow else 40)}"
        + (f", {eps_text(row['eps'], measured['norm'])}" if several and row["eps"] else "")
        for row in rows
    ]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlim=(-0.01, 1.01), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel("accuracy")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    figure.legend(loc="outside upper left", ncols=2)
    return figure


def watched(rows: list[dict[str, Any]], *, narrow: bool = False) -> Figure:
    """Accuracy on held-out images after every epoch: unchanged, under one step, under ten."""
    figure = Figure((3.7, 3.1) if narrow else (7.2, 3.1))
    axes = figure.subplots()
    epochs = [row["epoch"] for row in rows]
    for key, label, colour, dashes in (
        ("validation_accuracy", "unchanged", MUTED, "-"),
        ("fgsm_accuracy", "FGSM, one step", ORANGE, "--"),
        ("pgd_accuracy", "PGD, ten steps", ACCENT, "-"),
    ):
        axes.plot(epochs, [row[key] for row in rows], label=label, color=colour, linestyle=dashes, marker="o")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("epoch")
    axes.set_ylabel("held-out accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol="\u202f%"))
    figure.legend(loc="outside upper left", ncols=1 if narrow else 3)
    return figure
