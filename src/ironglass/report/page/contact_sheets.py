"""The sampled images and their maps as composed, labelled pictures for the figures folder."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ironglass.report.kit import pictures
from ironglass.report.kit.attacked import AttackRow, fgsm_row, named_rows
from ironglass.report.kit.palette import MUTED
from ironglass.report.kit.samples import Samples
from ironglass.report.kit.words import eps_text, percent, shorten


def sheets(samples: Samples) -> dict[str, tuple[Callable[..., Figure], tuple[Any, ...]]]:
    """The composed pictures for the figures folder, as name: (draw, arguments)."""
    photos = samples.photos
    rows = [
        f"{_mark(entry['label'] == entry['prediction'])} {shorten(samples.names(entry['label']), 14)}"
        for entry in samples.images
    ]
    figures: dict[str, tuple[Callable[..., Figure], tuple[Any, ...]]] = {}
    if cams := samples.cam_maps():
        cells = [list(photos)]
        for _, maps, scale in cams:
            indices = [pictures.positive_index(part, scale) for part in maps]
            cells.append([pictures.overlaid(*pair) for pair in zip(photos, indices, strict=True)])
        columns = ["image", *(f"{shorten(layer, 16)}\n0 to {scale:.2g}" for layer, _, scale in cams)]
        figures["grad_cam"] = (sheet, (cells, rows, columns, pictures.HEAT, "Grad-CAM", ("0", "the layer’s largest")))
    if masks := samples.occlusion_maps():
        scale = samples.occlusion_scale()
        cells = [list(photos)]
        for _, maps in masks:
            indices = [pictures.signed_index(part, scale) for part in maps]
            cells.append([pictures.tinted(*pair) for pair in zip(photos, indices, strict=True)])
        ends = (f"−{scale:.2f}", f"+{scale:.2f}")
        columns = ["image", *(mask for mask, _ in masks)]
        figures["occlusion_maps"] = (sheet, (cells, rows, columns, pictures.SIGNED, "drop of probability", ends))
    if fgsm := fgsm_row(samples):
        columns = [f"eps {eps_text(eps)}" for eps, _, _ in fgsm[0].sizes]
        figures["fgsm_gallery"] = _attacked_sheet(samples, fgsm, columns, rows)
    if named := named_rows(samples):
        norm = samples.attacks["norm"]
        columns = [f"{shorten(row.name, 16)}\neps {eps_text(eps, norm)}" for row in named for eps, _, _ in row.sizes]
        figures["attack_gallery"] = _attacked_sheet(samples, named, columns, rows)
    return figures


def _attacked_sheet(
    samples: Samples, attacks: list[AttackRow], columns: list[str], rows: list[str]
) -> tuple[Callable[..., Figure], tuple[Any, ...]]:
    """The images themselves, and a column an attack and eps, with what is then predicted below each."""
    cells, notes = [samples.photos], [[_outcome(samples, entry, entry) for entry in samples.images]]
    for row in attacks:
        for _, adversarial, outcomes in row.sizes:
            cells.append([pictures.colour(part) for part in adversarial])
            notes.append([_outcome(samples, *pair) for pair in zip(samples.images, outcomes, strict=True)])
    return sheet, (cells, rows, ["image", *columns], None, "", ("", ""), notes)


def sheet(
    cells: list[list[np.ndarray]],
    rows: list[str],
    columns: list[str],
    colours: np.ndarray | None,
    unit: str,
    ends: tuple[str, str],
    notes: list[list[str]] | None = None,
) -> Figure:
    """Pictures in columns, labelled, over the scale of their colours; `notes` are written under the pictures."""
    cell, gap = (112, 8) if len(columns) <= 20 else (72, 5)
    foot = 22 if notes else 0
    high, wide = cell + gap + foot, cell + gap
    mosaic = np.full((high * len(rows), wide * len(columns), 4), 0, dtype=np.uint8)
    for j, column in enumerate(cells):
        for i, picture in enumerate(column):
            small = pictures.fit(picture, cell)
            repeat = max(1, cell // max(small.shape[:2]))
            small = small.repeat(repeat, axis=0).repeat(repeat, axis=1)
            top, left = i * high + (cell - small.shape[0]) // 2, j * wide + (cell - small.shape[1]) // 2
            mosaic[top : top + small.shape[0], left : left + small.shape[1], :3] = small
            mosaic[top : top + small.shape[0], left : left + small.shape[1], 3] = 255
    figure = Figure((mosaic.shape[1] / 120 + 1, mosaic.shape[0] / 120 + (1.2 if colours is not None else 0.6)))
    grid = figure.add_gridspec(
        2 if colours is not None else 1, 3, height_ratios=(60, 1) if colours is not None else None
    )
    axes = figure.add_subplot(grid[0, :])
    axes.imshow(mosaic, interpolation="nearest")
    axes.set_xticks([j * wide + cell / 2 for j in range(len(columns))], columns, rotation=0 if cell > 72 else 60)
    axes.set_yticks([i * high + cell / 2 for i in range(len(rows))], rows)
    axes.tick_params(length=0, labelsize=7, labeltop=True, labelbottom=False)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    for j, column in enumerate(notes or []):
        for i, note in enumerate(column):
            axes.text(j * wide + cell / 2, i * high + cell + 3, note, fontsize=6, ha="center", va="top")
    if colours is not None:
        bar = figure.add_subplot(grid[1, 1])
        bar.imshow(colours[None], aspect="auto", interpolation="nearest")
        bar.set_xticks([0, 255], list(ends))
        bar.tick_params(labelsize=7)
        bar.set(yticks=[])
        bar.set_xlabel(unit, fontsize=7, color=MUTED)
        bar.grid(False)
    return figure


def _mark(right: bool) -> str:
    return "✓" if right else "✗"


def _outcome(samples: Samples, entry: dict[str, Any], now: dict[str, Any]) -> str:
    """Prediction of one image, with its confidence."""
    name = shorten(samples.names(now["prediction"]), 9)
    return f"{_mark(now['prediction'] == entry['label'])} {name} {percent(now['confidence'], 0)}"
