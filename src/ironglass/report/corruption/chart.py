"""The chart of corrupted images: accuracy by corruption and severity, shaded and written in."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ironglass.report.kit.palette import HEAT, INK, MUTED
from ironglass.results.evaluation import Corruptions


def corruption(measured: Corruptions, *, narrow: bool = False) -> Figure:
    """A row a corruption: percent right unchanged, at severities 1 to 5, and apart from these their mean."""
    rows = measured.corruptions
    figure = Figure((3.7, 0.9 + 0.25 * len(rows)) if narrow else (7.2, 0.9 + 0.29 * len(rows)))
    axes = figure.subplots()
    small = 7 if narrow else 9
    ends = [0.0, *(1.15 + i for i in range(len(measured.severities)))]
    ends.append(ends[-1] + 1.15)
    for row_index, row in enumerate(rows):
        rates = [measured.clean, *(point.accuracy for point in row.points), row.mean]
        for end, rate in zip(ends, rates, strict=True):
            axes.add_patch(
                Rectangle((end, row_index - 0.5), 1, 1, facecolor=HEAT, alpha=rate.value, linewidth=0, aa=False)
            )
            bold = "bold" if end == ends[-1] else "normal"
            axes.text(
                end + 0.5, row_index, f"{100 * rate.value:.0f}", ha="center", va="center", color=INK, fontsize=small,
                fontweight=bold,
            )  # fmt: skip
    heads = ["none", *(str(severity) for severity in measured.severities), "mean"]
    axes.set_xticks([end + 0.5 for end in ends], heads)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=small - 0.5 if narrow else 8.5)
    axes.set(xlim=(0, ends[-1] + 1), ylim=(len(rows) - 0.5, -0.5))
    axes.set_xlabel("severity; in the cells, percent classified correctly", color=MUTED, fontsize=8)
    axes.xaxis.set_label_position("top")
    axes.grid(False)
    axes.spines[:].set_visible(False)
    return figure
