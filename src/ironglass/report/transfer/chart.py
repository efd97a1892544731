"""The charts of a transfer study over the number of blocks copied, and of what its networks seem and are."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter

from ironglass.report.kit.axes import bar_lengths, in_percent
from ironglass.report.kit.palette import ACCENT, BLUE, GREEN, MAGENTA, MUTED, ORANGE, PAPER, RULE
from ironglass.report.kit.words import eps_text
from ironglass.report.transfer.rows import (
    ARMS,
    Point,
    Read,
    arm_networks,
    base_point,
    curve,
    made_on_base,
    made_on_itself,
    unchanged,
    white_box_eps,
)
from ironglass.results.transfer import Transfer

LINES: dict[str, dict[str, Any]] = {
    "AnB+": {"color": ORANGE, "marker": "s", "linestyle": "-", "linewidth": 1.8},
    "AnB": {"color": BLUE, "marker": "o", "linestyle": "-", "linewidth": 1.8},
    "BnB+": {"color": MAGENTA, "marker": "D", "linestyle": (0, (5, 2)), "linewidth": 1.2},
    "BnB": {"color": GREEN, "marker": "^", "linestyle": (0, (5, 2)), "linewidth": 1.2},
    "random": {"color": MUTED, "marker": "x", "linestyle": (0, (1.5, 1.5)), "linewidth": 1.2},
}
"""The two arms are drawn through, their controls are not."""


def accuracy_by_blocks(measured: Transfer, *, narrow: bool = False) -> Figure:
    """Accuracy less base B's, in points, against n for every arm: on unchanged images, and on those made on base A.

    Lines go through the means over seeds, single seeds are small dots. Bars are 95 % intervals: with caps over seeds
    (Student), without over the images of a single network. The band at 0 is base B's own. The
    shape of figure 2 of Yosinski et al. 2014 (arXiv 1411.1792).
    """
    panels: list[tuple[str, Read]] = [("Unchanged images", unchanged)]
    for attack in measured.transfer_attacks[:1]:
        eps = eps_text(measured.headline_eps, measured.norm)
        panels.append((f"{attack.upper()} images of base A, eps {eps}", made_on_base(attack, measured.headline_eps)))
    down, across = (len(panels), 1) if narrow else (1, len(panels))
    figure = Figure((3.7, 0.9 + 2.9 * down) if narrow else (7.2, 4.3))
    all_axes = np.atleast_1d(figure.subplots(down, across, sharey=True, sharex=True)).ravel()
    drawn: set[str] = set()
    for axes, (title, read) in zip(all_axes, panels, strict=True):
        drawn |= _panel(axes, measured, read)
        axes.set_title(title)
        axes.xaxis.set_major_locator(FixedLocator(measured.control_depths or measured.depths))
        if not narrow or axes is all_axes[-1]:
            axes.set_xlabel("n: blocks copied")
        if narrow or axes is all_axes[0]:
            axes.set_ylabel("accuracy less base B’s, points")
        axes.yaxis.set_major_formatter(FuncFormatter(_signed))
    handles: list[Any] = [Patch(color=MUTED, alpha=0.25, linewidth=0, label="base B")]
    handles += [Line2D([], [], label=arm, markersize=4.5, **LINES[arm]) for arm in LINES if arm in drawn]
    figure.legend(handles=handles, loc="outside upper left", ncols=3 if narrow else 6, handlelength=2.6)
    return figure


def _signed(value: float, position: int | None) -> str:
    """A difference in points as a tick label."""
    return f"{value:+.0f}".replace("-", "−") if value else "0"


def _panel(axes: Axes, measured: Transfer, read: Read) -> set[str]:
    """The arms that were drawn."""
    base, drawn = base_point(measured, read), set[str]()
    if base is None:
        return drawn
    axes.axhspan(100 * (base.low - base.value), 100 * (base.high - base.value), color=MUTED, alpha=0.25, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    for position, arm in enumerate(LINES):
        points = curve(measured, arm, read)
        if not points:
            continue
        drawn.add(arm)
        style, main = LINES[arm], arm in ("AnB", "AnB+")
        shift = 0.07 * (position - 2)  # so that bars of one n can be told apart
        n = [point.blocks + shift for point in points]
        axes.plot(
            n, [100 * (point.value - base.value) for point in points], markersize=4.2, zorder=4 if main else 3, **style
        )  # fmt: skip
        for point in points:
            if point.blocks == 0 and not main:
                continue  # the network of the arm that it belongs to
            _bar(axes, point, base.value, shift, style["color"])
    return drawn


def _bar(axes: Axes, point: Point, base: float, shift: float, colour: str) -> None:
    low, high, value = (100 * (end - base) for end in (point.low, point.high, point.value))
    several, x = len(point.seeds) > 1, point.blocks + shift
    axes.errorbar(
        x, value, yerr=[[max(0.0, value - low)], [max(0.0, high - value)]], fmt="none", ecolor=colour,
        elinewidth=1.1 if several else 0.7, capsize=2 if several else 0, alpha=0.9 if several else 0.45, zorder=2,
    )  # fmt: skip
    if several:
        dots = [100 * (one - base) for one in point.seeds]
        axes.plot([x] * len(dots), dots, ".", color=colour, markersize=3, alpha=0.75, zorder=2)


def natural_and_adversarial(measured: Transfer, *, narrow: bool = False) -> Figure:
    """Base B and every arm's network of the most blocks: accuracy unchanged, on base A's images, attacked themselves.

    A panel an eps: the smallest at which they were attacked themselves, and the judged one. The grey bar runs from
    transferred to white-box accuracy. Means and intervals as in `accuracy_by_blocks`.
    """
    most = {arm: rows[-1].blocks for arm in ("base", *ARMS) if (rows := arm_networks(measured, arm))}
    sizes = sorted({min(measured.white_box_eps, default=measured.headline_eps), white_box_eps(measured)} - {0.0})
    sizes = sizes or [measured.headline_eps]
    down, across = (len(sizes), 1) if narrow else (1, len(sizes))
    high = 0.9 + 0.47 * len(most)
    figure = Figure((3.7, 0.9 + high * down) if narrow else (7.2, 0.5 + high))
    panels = np.atleast_1d(figure.subplots(down, across, sharex=True, sharey=True)).ravel()
    marks: dict[str, Any] = {}
    widest = 0.0
    for axes, eps in zip(panels, sizes, strict=True):
        conditions = _conditions(measured, eps)
        for number, (label, read, style) in enumerate(conditions):
            points = [(position, _one(measured, arm, read)) for position, arm in enumerate(most)]
            there = [
                (position + 0.17 * (number - (len(conditions) - 1) / 2), point) for position, point in points if point
            ]
            if there:
                positions, values = [position for position, _ in there], [point.value for _, point in there]
                widest = max(widest, *(point.high for _, point in there))
                axes.errorbar(
                    values, positions, xerr=bar_lengths([point for _, point in there]), fmt="none", elinewidth=1.1,
                    capsize=2, ecolor=style["color"],
                )  # fmt: skip
                (marks[label],) = axes.plot(values, positions, linestyle="none", markersize=5.5, **style)
        _gaps(axes, measured, list(most), eps)
        axes.set_title(f"eps {eps_text(eps, measured.norm)}")
        axes.set_yticks(range(len(most)), ["base B" if n is None else f"{arm}, n = {n}" for arm, n in most.items()])
        axes.set(ylim=(len(most) - 0.5, -0.5))
        if not narrow or axes is panels[-1]:
            axes.set_xlabel("accuracy")
        in_percent(axes.xaxis)
        axes.grid(True, axis="x")
        axes.grid(False, axis="y")
    panels[0].set_xlim(-0.02, min(1.02, 1.05 * widest + 0.02))
    order = [label for label, _, _ in _conditions(measured, sizes[-1]) if label in marks]
    figure.legend(
        handles=[marks[label] for label in order], labels=order, loc="outside upper left", ncols=1 if narrow else 2
    )
    return figure


def _conditions(measured: Transfer, eps: float) -> list[tuple[str, Read, dict[str, Any]]]:
    """The numbers of every network at one eps, each with its label and mark; hollow is the weaker attack on itself."""
    conditions_read: list[tuple[str, Read, dict[str, Any]]] = [
        ("unchanged images", unchanged, {"color": MUTED, "marker": "o"})
    ]
    for attack in measured.transfer_attacks[:1]:
        style = {"color": ORANGE, "marker": "s"}
        conditions_read.append((f"{attack.upper()} images made on base A", made_on_base(attack, eps), style))
    for attack in measured.white_box_attacks:
        face = ACCENT if attack == measured.white_box_attacks[-1] else PAPER
        style = {"color": ACCENT, "marker": "D", "markerfacecolor": face}
        conditions_read.append((f"{attack.upper()} images made on itself", made_on_itself(attack, eps), style))
    return conditions_read


def _one(measured: Transfer, arm: str, read: Read) -> Point | None:
    """Base B's number, or that of the arm's network of the most blocks."""
    if arm == "base":
        return base_point(measured, read)
    points = curve(measured, arm, read)
    return points[-1] if points else None


def _gaps(axes: Axes, measured: Transfer, arms: list[str], eps: float) -> None:
    """The bars from transferred to white-box accuracy of each network."""
    if not (measured.transfer_attacks and measured.white_box_attacks):
        return
    for index, arm in enumerate(arms):
        transferred = _one(measured, arm, made_on_base(measured.transfer_attacks[0], eps))
        white_box = _one(measured, arm, made_on_itself(measured.white_box_attacks[-1], eps))
        if transferred and white_box:
            axes.plot(
                [transferred.value, white_box.value],
                [index] * 2,
                color=RULE,
                linewidth=5,
                solid_capstyle="butt",
                zorder=1,
            )
