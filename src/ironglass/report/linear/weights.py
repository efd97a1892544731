"""The weights of a linear network of two classes, and what one signed step makes of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ironglass.report.kit import pictures
from ironglass.report.kit.tensors import Array, read_tensors
from ironglass.report.kit.words import count, decimal, eps_text, percent
from ironglass.results.attack import Linear
from ironglass.results.sections import Results, read_results
from ironglass.run import Run

SIDES = ("before", "after")


@dataclass(frozen=True)
class LinearWeights:
    """The score of an image is Σ weights · pixels + bias, above nought for the second class.

    side: "before", "after" or "".
    weights: (h, w, c).
    bias: of the score.
    images: uint8, or float in [0, 1], (s, h, w, c).
    labels: (s,), 0 or 1.
    measured: `linear` of results.json.
    """

    side: str
    weights: Array
    bias: float
    images: Array
    labels: Array
    measured: Linear

    def clean(self) -> Array:
        """The images, float (s, h, w, c) in [0, 1]."""
        return pictures.unit(self.images)

    def adversarial(self) -> Array:
        """FGSM in closed form: every pixel a whole eps against the sign of its weight, within [0, 1]."""
        towards = np.where(self.labels == 1, -1, 1)[:, None, None, None]
        return np.clip(self.clean() + self.measured.eps * towards * np.sign(self.weights), 0, 1)

    def predictions(self, images: Array) -> Array:
        """0 or 1 for each of (s, h, w, c)."""
        return ((images * self.weights).sum((1, 2, 3)) + self.bias > 0).astype(int)


def read_linear(run: Run, results: Results) -> list[LinearWeights]:
    """The weights of a run, or of both sides of a hardening; [] where there are none.

    Raises InputError where a file cannot be read.
    """
    if results.hardening is None:
        return _read(run, results.linear, "")
    weights: list[LinearWeights] = []
    for side in SIDES:
        inner = Run(run.path / side)
        measured = read_results(inner.read_object("results.json"), file=inner.path / "results.json")
        weights += _read(inner, measured.linear, side)
    return weights if len(weights) == len(SIDES) else []


def _read(run: Run, measured: Linear | None, side: str) -> list[LinearWeights]:
    path = run.path / "linear.safetensors"
    if not measured or not path.is_file():
        return []
    tensors = read_tensors(path, "delete it and run again in a new folder")
    bias = float(tensors.pop("bias")[0])
    return [LinearWeights(side=side, bias=bias, measured=measured, **tensors)]


def linear_words(sides: Sequence[LinearWeights]) -> str:
    """Reach of a change of eps against the margin of the median image, a sentence a network."""
    parts: list[str] = []
    for side in sides:
        who = {"before": "Before hardening", "after": "After it"}.get(side.side, "Here")
        parts.append(
            f"{who} a change of {eps_text(side.measured.eps)} moves the score by up to {decimal(side.measured.reach)},"
            f" and the median image stands {decimal(side.measured.margin)} on its own side of nought: of"
            f" {count(side.measured.accuracy.n)} images {percent(side.measured.accuracy.value)} stay right."
        )
    return " ".join(parts)
