"""A linear network of two classes as pictures: its weights, their signs, and what one signed step makes of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ironglass.report.kit import pictures
from ironglass.report.kit.palette import INK, MUTED, RIGHT, WRONG
from ironglass.report.kit.tensors import read_tensors
from ironglass.report.kit.words import count, decimal, eps_text, percent, shorten
from ironglass.run import Run


@dataclass(frozen=True)
class Linear:
    """The score of an image is Σ weights · pixels + bias, above nought for the second class.

    side: "before", "after" or "". weights: (h, w, c). images: uint8, or float in [0, 1], (s, h, w, c). labels: (s,),
    0 or 1. eps, reach
    (eps · Σ |weights|, as far as a change can move the score), margin (the median image's score, counted towards its
    true class), accuracy (of the split under one step): as `linear` in results.json.
    """

    side: str
    weights: np.ndarray
    bias: float
    images: np.ndarray
    labels: np.ndarray
    eps: float
    reach: float
    margin: float
    accuracy: dict[str, Any]

    def clean(self) -> np.ndarray:
        """The images, float (s, h, w, c) in [0, 1]."""
        return pictures.unit(self.images)

    def adversarial(self) -> np.ndarray:
        """FGSM in closed form: every pixel a whole eps against the sign of its weight, within [0, 1]."""
        towards = np.where(self.labels == 1, -1, 1)[:, None, None, None]
        return np.clip(self.clean() + self.eps * towards * np.sign(self.weights), 0, 1)

    def predictions(self, images: np.ndarray) -> np.ndarray:
        """0 or 1 for each of (s, h, w, c)."""
        return ((images * self.weights).sum((1, 2, 3)) + self.bias > 0).astype(int)


def read_linear(run: Run) -> list[Linear]:
    """The pictures of a run, or of both sides of a hardening; [] where there are none.

    Raises InputError where a file cannot be read.
    """
    if "hardening" in run.results:
        sides = [(side, Run(run.path / side)) for side in ("before", "after")]
        found = [one for side, inner in sides for one in _read(inner, side)]
        return found if len(found) == len(sides) else []
    return _read(run, "")


def _read(run: Run, side: str) -> list[Linear]:
    numbers, path = run.results.get("linear"), run.path / "linear.safetensors"
    if not numbers or not path.is_file():
        return []
    tensors = read_tensors(path, "delete it and run again in a new folder")
    known = {key: numbers[key] for key in ("eps", "reach", "margin", "accuracy")}
    bias = float(tensors.pop("bias")[0])
    return [Linear(side=side, bias=bias, **tensors, **known)]


def linear_chart(sides: list[Linear], classes: list[str], *, narrow: bool = False) -> Figure:
    """A row a network: weights, their signs, and images after one signed step, below the images unchanged.

    All weights share one scale, and so do their signs and the images.
    """
    first = sides[0]
    shown = [i for label in (0, 1) for i in np.flatnonzero(first.labels == label)[: 1 if narrow else None]]
    scale = max(float(np.abs(side.weights).max()) for side in sides) or 1.0
    columns, rows = 2 + len(shown), 1 + len(sides)
    side_length = (3.7 if narrow else 7.2) / columns
    figure = Figure((3.7 if narrow else 7.2, rows * (side_length + 0.27) + 0.2))
    axes = figure.subplots(rows, columns)
    names = [shorten(name, 12) for name in classes]
    small = 6.5 if narrow else 8
    for one in axes.flat:
        one.set_axis_off()
    for column, text in ((0, f"weights\n“{names[1]}” − “{names[0]}”"), (1, "signs of\nthe weights")):
        axes[0, column].text(
            0.5, 0.0, text, ha="center", va="bottom", fontsize=small, transform=axes[0, column].transAxes
        )
    for column, i in enumerate(shown, start=2):
        _photo(axes[0, column], first.clean()[i], f"“{names[first.labels[i]]}”", INK, small)
    for row, side in enumerate(sides, start=1):
        signed = side.weights.mean(2)
        _map(axes[row, 0], signed, scale, f"{side.side or 'weights'}: ±{decimal(scale)}", small)
        _map(axes[row, 1], np.sign(signed), 1.5, f"Σ|w| = {decimal(side.reach / side.eps) if side.eps else '–'}", small)
        moved = side.adversarial()
        called = side.predictions(moved)
        for column, i in enumerate(shown, start=2):
            right = called[i] == side.labels[i]
            text = f"{'✓' if right else '✗'} “{names[called[i]]}”"
            _photo(axes[row, column], moved[i], text, RIGHT if right else WRONG, small)
    return figure


def _photo(axes: Any, image: np.ndarray, text: str, colour: str, size: float) -> None:
    picture = image if image.shape[2] == 3 else image[..., 0]
    axes.imshow(picture, cmap="gray", norm=Normalize(0, 1), interpolation="none")
    axes.set_title(text, fontsize=size, color=colour, loc="center", fontweight="normal", pad=3)


def _map(axes: Any, values: np.ndarray, scale: float, text: str, size: float) -> None:
    axes.imshow(values, cmap="RdBu_r", norm=Normalize(-scale, scale), interpolation="none")
    axes.set_title(text, fontsize=size, color=MUTED, loc="center", fontweight="normal", pad=3)


def linear_words(sides: list[Linear]) -> str:
    """How far a change reaches, against where the images stand, a sentence a network."""
    parts = []
    for side in sides:
        who = {"before": "Before hardening", "after": "After it"}.get(side.side, "Here")
        parts.append(
            f"{who} a change of {eps_text(side.eps)} moves the score by up to {decimal(side.reach)},"
            f" and the median image stands {decimal(side.margin)} on its own side of nought: of"
            f" {count(side.accuracy['n'])} images {percent(side.accuracy['value'])} stay right."
        )
    return " ".join(parts)
