"""Figures of results for notebooks: images, maps with their scales, adversarial images with predictions."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, Normalize
from matplotlib.figure import Figure

from ironglass.report.kit.map_scale import full_scale
from ironglass.report.kit.palette import HEAT as HEAT_COLOUR
from ironglass.report.kit.palette import INK, RIGHT, STYLE, WRONG
from ironglass.report.kit.pictures import (
    HEAT,
    SIGNED,
    colour,
    magnified,
    overlaid,
    positive_index,
    signed_index,
    tinted,
)

SIDE = 1.9
"""Inches, of one picture."""
COUNTED = 20
"""Classes up to which a confusion matrix has its counts written in."""
FADED = LinearSegmentedColormap.from_list("faded", ["white", HEAT_COLOUR])
"""Light enough to be written on."""


class Picture(Figure):
    """A matplotlib Figure that a notebook draws by itself, with or without pyplot."""

    def _repr_png_(self) -> bytes:
        return png_of(self)


@dataclass(frozen=True, kw_only=True)
class AttackedImage:
    """One image before and after an attack, with its class names.

    image, adversarial: (h, w, c) floats in [0, 1].
    label: the true class.
    before, after: predicted classes.
    """

    image: np.ndarray
    adversarial: np.ndarray
    label: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class ExplainedImages:
    """The maps of one layer or method over some images.

    title: above the column.
    maps: (n, h, w), of the size of the images.
    signed: whether negative values are drawn; otherwise they are drawn as 0.
    """

    title: str
    maps: np.ndarray
    signed: bool


def styled(draw: Callable[[], Figure]) -> Figure:
    """The figure that `draw` makes, in the style of the report's charts."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        return draw()


def attack_figure(rows: Sequence[AttackedImage], title: str) -> Figure:
    """Original, perturbation and adversarial image in a row each, with predictions, right ones green."""
    return styled(lambda: _attack_figure(rows, title))


def _attack_figure(rows: Sequence[AttackedImage], title: str) -> Figure:
    figure = Picture(figsize=(3 * SIDE + 0.4, (SIDE + 0.3) * len(rows) + 0.4))
    figure.suptitle(title, fontsize=9.5, fontweight="bold", x=0.02, ha="left")
    grid = figure.subplots(len(rows), 3, squeeze=False)
    most = max(float(np.abs(row.adversarial - row.image).max()) for row in rows)
    for axes, row in zip(grid, rows, strict=True):
        _picture(axes[0], colour(row.image), f"{row.label}: predicted {row.before}", row.before == row.label)
        change = magnified(row.adversarial - row.image, 0.5 / most if most else 1.0)
        _picture(axes[1], change, f"perturbation, ±{255 * most:.3g}/255")
        _picture(axes[2], colour(row.adversarial), f"adversarial: {row.after}", row.after == row.label)
    return figure


def accuracy_figure(sizes: Sequence[float], rates: Sequence[Any], title: str, unit: str) -> Figure:
    """Accuracy under attack against eps, with 95 % intervals."""

    def draw() -> Figure:
        figure = Picture(figsize=(4.6, 3.0))
        axes = figure.add_subplot()
        order: list[int] = np.argsort(sizes).tolist()
        values = [[100 * rates[i][key] for i in order] for key in ("value", "low", "high")]
        eps = [sizes[i] for i in order]
        axes.fill_between(eps, values[1], values[2], alpha=0.2, linewidth=0)
        axes.plot(eps, values[0], marker="o")
        axes.set(title=title, xlabel=f"eps ({unit})", ylabel="accuracy, %", ylim=(-2, 102))
        return figure

    return styled(draw)


def map_figure(images: np.ndarray, columns: Sequence[ExplainedImages], labels: Sequence[str], title: str) -> Figure:
    """Each image (n, h, w, c) beside its maps, a column a layer, overlaid and with one scale a column."""

    def draw() -> Figure:
        n = len(images)
        figure = Picture(figsize=(SIDE + (SIDE + 0.6) * len(columns), (SIDE + 0.3) * n + 0.4))
        figure.suptitle(title, fontsize=9.5, fontweight="bold", x=0.02, ha="left")
        grid = figure.subplots(n, 1 + len(columns), squeeze=False)
        for row in range(n):
            _picture(grid[row, 0], colour(images[row]), labels[row])
        for number, column in enumerate(columns, 1):
            scale = full_scale(list(column.maps)) or 1.0
            for row in range(n):
                values, photo = column.maps[row], colour(images[row])
                index = signed_index(values, scale) if column.signed else positive_index(values, scale)
                drawn = tinted(photo, index) if column.signed else overlaid(photo, index)
                _picture(grid[row, number], drawn, column.title if row == 0 else "")
            low, colours = (-scale, SIGNED) if column.signed else (0.0, HEAT)
            shades = ScalarMappable(Normalize(low, scale), ListedColormap(colours / 255))
            bar = figure.colorbar(shades, ax=list(grid[:, number]), fraction=0.05, pad=0.02)
            bar.outline.set_visible(False)  # type: ignore[operator]
        return figure

    return styled(draw)


def confusion_figure(counts: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Images by true class (row) and prediction (column), counts int (k, k), shaded by share of the row.

    Of more than COUNTED classes the counts are not written in, nor are names.
    """

    def draw() -> Figure:
        k = len(counts)
        side = min(7.0, 2.6 + 0.32 * k)
        figure = Picture(figsize=(side, side))
        axes = figure.add_subplot()
        axes.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap=FADED, vmin=0, vmax=1)
        axes.set(title=title, xlabel="predicted", ylabel="true class")
        if k > COUNTED:
            axes.set(xticks=[], yticks=[])
            return figure
        names = [name if len(name) <= 12 else f"{name[:11]}…" for name in classes]
        axes.set_xticks(range(k), names, rotation=50, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(k), names)
        axes.grid(False)
        for i, j in np.ndindex(k, k):
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", fontsize=7, color=INK)
        return figure

    return styled(draw)


def png_of(figure: Figure, dpi: int = 110) -> bytes:
    """The figure as the bytes of a PNG."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def html_of(text: str, figure: Figure | None) -> str:
    """The text, and below it the figure, as HTML that needs no other file."""
    text_block = f"<pre>{escape(text)}</pre>"
    if figure is None:
        return text_block
    return f'{text_block}<img alt="{escape(text, quote=True)}" src="data:image/png;base64,' + (
        base64.b64encode(png_of(figure)).decode() + '">'
    )


def _picture(axes: Axes, picture: np.ndarray, title: str, right: bool | None = None) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set_axis_off()
    short_title = title if len(title) <= 34 else f"{title[:33]}…"
    shade = INK if right is None else RIGHT if right else WRONG
    axes.set_title(short_title, fontsize=8, fontweight="normal", color=shade)
