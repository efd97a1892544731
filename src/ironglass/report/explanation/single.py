"""One explained image as a picture: itself, and its maps beside it."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ironglass.report.kit import pictures
from ironglass.report.kit.map_scale import floor_of, floored
from ironglass.report.kit.palette import drawn
from ironglass.report.kit.tensors import read_tensors
from ironglass.report.kit.words import percent, shorten
from ironglass.run import Run

MAPS = 5
"""Maps beside the image, at most."""
AGAIN = "explain the image again"


def explanation_png(run: Run) -> bytes | None:
    """A PNG of the first explained image of a run with its maps; None where the run explained none.

    By named methods each has a map; else Grad-CAM of the last layer and the occlusion with the first mask. Raises
    InputError for files that cannot be read.
    """
    classes = [str(name) for name in run.read_object("data.json").get("classes", [])]
    explanation = _explained(run) or _sampled(run)
    if explanation is None:
        return None
    photo, panels, top = explanation
    named = [(classes[position] if isinstance(position, int) else str(position), share) for position, share in top[:3]]
    return drawn(_figure, photo, panels[:MAPS], named, kinds=("png",))[0]


def _explained(run: Run) -> tuple[np.ndarray, list[tuple[str, np.ndarray]], list[Any]] | None:
    """Photo, named maps over it, and the most probable classes, of a run by named methods."""
    facts, path = run.read_object("explained.json"), run.path / "explained.safetensors"
    if not facts.get("images") or not path.is_file():
        return None
    tensors = read_tensors(path, AGAIN)
    photo = pictures.colour(tensors["clean/images"][0])
    panels: list[tuple[str, np.ndarray]] = []
    for name in facts["methods"]:
        values = tensors[f"clean/maps/{name}"][0]
        panels.append((name, pictures.tinted(photo, pictures.signed_index(values, pictures.signed_scale([values])))))
    return photo, panels, facts["images"][0]["top"]["clean"]


def _sampled(run: Run) -> tuple[np.ndarray, list[tuple[str, np.ndarray]], list[Any]] | None:
    """The same of a run with Grad-CAM of every layer and occlusion maps."""
    facts, path = run.read_object("samples.json"), run.path / "samples.safetensors"
    if not facts.get("images") or not path.is_file():
        return None
    tensors = read_tensors(path, AGAIN)
    photo, panels = pictures.colour(tensors["images"][0]), list[tuple[str, np.ndarray]]()
    for layer in facts["layers"][-1:]:
        values = tensors[f"grad_cam/{layer}"]
        index = pictures.positive_index(values[0], pictures.positive_scale(values[:1]))
        panels.append((f"Grad-CAM, {layer}", pictures.overlaid(photo, index)))
    for mask in facts["masks"][:1]:
        values = tensors[f"occlusion/{mask}"][0]
        floor = floor_of(facts["images"][:1], "probability")
        scale = floored(pictures.signed_scale([values]), [values], "probability", floor)
        index = pictures.signed_index(values, scale)
        panels.append((f"occlusion, {mask}", pictures.tinted(photo, index)))
    return photo, panels, facts["images"][0]["top"]


def _figure(photo: np.ndarray, panels: list[tuple[str, np.ndarray]], top: list[tuple[str, float]]) -> Figure:
    height, width = photo.shape[:2]
    figure = Figure((2.2 * (1 + len(panels)), 2.2 * height / width + 0.45))
    grid = np.atleast_1d(np.asarray(figure.subplots(1, 1 + len(panels))))
    caption = "\n".join(f"{shorten(name, 22)}: {percent(share, 0)}" for name, share in top[:2])
    for axes, (title, picture) in zip(grid, [(caption, photo), *panels], strict=True):
        axes.imshow(picture, interpolation="nearest" if max(height, width) <= 64 else "auto")
        axes.set_title(shorten(title, 60), fontsize=8)
        axes.set_axis_off()
    return figure
