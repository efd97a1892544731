"""The chart of who is fooled by whose images in a transfer study."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ironglass.report.kit.palette import HEAT, INK, MUTED
from ironglass.report.kit.words import eps_text
from ironglass.report.transfer.words import plain_name
from ironglass.results.transfer import Transfer


def transfer_matrix(measured: Transfer, *, narrow: bool = False) -> Figure:
    """Accuracy in per cent, made on (down) and shown to (across): the bases, and AnB and AnB+ where the controls stand.

    Framed is what was shown to its own maker. A dash is a pair that was not measured.
    """
    matrix = measured.matrix
    names = matrix_names(measured)
    indices = [matrix.names.index(name) for name in names]
    labels = [plain_name(name) for name in names]
    figure = Figure((3.7, 3.9) if narrow else (7.2, 7.0))
    axes = figure.subplots()
    size = min(9.0, (88 if narrow else 130) / len(names))
    for i, down in enumerate(indices):
        for j, across in enumerate(indices):
            rate = matrix.rows[down][across]
            share = rate.value if rate else 0.0
            axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=HEAT, alpha=share, linewidth=0, aa=False))
            axes.text(
                j, i, f"{100 * share:.0f}" if rate else "–", ha="center", va="center", fontsize=size,
                fontweight="bold" if i == j else "normal", color=INK if rate else MUTED,
            )  # fmt: skip
    for i in range(len(names)):
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.2, clip_on=False))
    axes.set_xticks(range(len(names)), labels, rotation=60 if narrow else 45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), labels)
    axes.tick_params(labelsize=7.5 if narrow else 8.5)
    axes.set(xlim=(-0.5, len(names) - 0.5), ylim=(len(names) - 0.5, -0.5), xlabel="shown to", ylabel="made on")
    axes.set_title(f"{matrix.attack.upper()}, eps {eps_text(matrix.eps, measured.norm)}: right, %")
    axes.set_aspect("equal")
    axes.grid(False)
    return figure


def matrix_names(measured: Transfer) -> list[str]:
    """The matrix's networks that its chart shows: the bases, then AnB and AnB+ at the controls' depths, by blocks."""
    networks = {row.name: row for row in measured.networks}
    names = measured.matrix.names
    bases = [name for name in names if name not in networks or networks[name].arm == "base"]
    depths = set(measured.control_depths or measured.depths)
    arms = [
        name
        for arm in ("AnB", "AnB+")
        for name in sorted(names, key=lambda name: networks[name].blocks or 0 if name in networks else 0)
        if name in networks and networks[name].arm == arm and networks[name].blocks in depths
    ]
    return [*bases, *arms]
