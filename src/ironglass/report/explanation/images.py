"""The images that were explained, in every condition, made ready for the page and for the figures folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ironglass.report.kit import pictures
from ironglass.report.kit.map_scale import floor_of, floored, full_scale, is_noise
from ironglass.report.kit.tensors import read_tensors
from ironglass.run import Run

APART = ("saliency",)
"""Methods whose parts for and against the class are also shown apart."""


@dataclass(frozen=True)
class ExplainedImages:
    """`explained.json` and `explained.safetensors` of one run, with the class names."""

    methods: list[str]
    layers: dict[str, str]
    conditions: list[dict[str, Any]]
    images: list[dict[str, Any]]
    tensors: dict[str, np.ndarray]
    names: Callable[[int], str]
    units: dict[str, str] = field(default_factory=dict[str, str])
    """Unit of each method's maps, as far as it is known."""

    @property
    def columns(self) -> list[tuple[str, str]]:
        """The maps beside each image, as (method, part): "signed", or "for" and "against" where shown apart."""
        parts = {name: ("for", "against") if name in APART else ("signed",) for name in self.methods}
        return [(name, part) for name in self.methods for part in parts[name]]

    def maps(self, condition: str, method: str) -> np.ndarray:
        """Signed maps (s, h, w)."""
        return self.tensors[f"{condition}/maps/{method}"]

    def scale(self, method: str, image: int) -> float:
        """The scale, from minus to plus, that an image's maps by one method share in every condition; raised where they
        are noise, so that their colours fade."""
        maps = self._shared(method, image)
        return floored(full_scale(maps), maps, self.units.get(method, ""), self.floor(method, image))

    def floor(self, method: str, image: int) -> float:
        """The change of the score below which an image's maps by one method are noise."""
        return floor_of(self.images[image : image + 1], self.units.get(method, ""))

    def is_noise(self, method: str, image: int) -> bool:
        """True where an image's maps by one method speak of a smaller change of the score than `floor`."""
        return is_noise(self._shared(method, image), self.units.get(method, ""), self.floor(method, image))

    def _shared(self, method: str, image: int) -> list[np.ndarray]:
        return [self.maps(one["name"], method)[image] for one in self.conditions]

    def photo(self, condition: str, image: int) -> np.ndarray:
        """The image in a condition, uint8 (h, w, 3)."""
        return pictures.colour(self.tensors[f"{condition}/images"][image])

    def index(self, condition: str, method: str, part: str, image: int) -> np.ndarray:
        """A map as indices 0 to 255 in its colours, see `colours`."""
        values, scale = self.maps(condition, method)[image], self.scale(method, image)
        if part == "signed":
            return pictures.signed_index(values, scale)
        return pictures.positive_index(values if part == "for" else -values, scale)

    def cards(self) -> list[dict[str, Any]]:
        """Every image with what became of it: its conditions as rows, each with prediction and maps."""
        return [self._card(i, entry) for i, entry in enumerate(self.images)]

    def _card(self, i: int, entry: dict[str, Any]) -> dict[str, Any]:
        before = entry["top"][self.conditions[0]["name"]][0][0]
        rows: list[dict[str, Any]] = []
        for condition in self.conditions:
            name = condition["name"]
            best = entry["top"][name]
            picture = pictures.picture(self.photo(name, i), large=True)
            side = pictures.shown_side(picture.px)
            rows.append(
                {
                    "condition": condition,
                    "url": picture.url,
                    "px": picture.px,
                    "top": [(self.names(class_index), share) for class_index, share in best[:3]],
                    "prediction": self.names(best[0][0]),
                    "right": best[0][0] == entry["label"],
                    "changed": best[0][0] != before,
                    "frame": self._frame(name, i),
                    "maps": [
                        pictures.map_url(self.index(name, method, part, i), colours(part), side)
                        for method, part in self.columns
                    ],
                }
            )
        return {
            "file": entry["name"],
            "label": self.names(entry["label"]),
            "target": self.names(entry["target"]),
            "rows": rows,
            "quality": [entry.get("quality", {}).get(method) for method, _ in self.columns],
            "scales": [self.scale(method, i) for method, _ in self.columns],
            "noise": [self.floor(method, i) if self.is_noise(method, i) else None for method, _ in self.columns],
        }

    def _frame(self, condition: str, image: int) -> dict[str, float] | None:
        """The smallest rectangle around what is hidden, in shares of height and width, or None."""
        hidden = self.tensors.get(f"{condition}/hidden")
        if hidden is None or not hidden[image].any():
            return None
        sides: list[float] = []
        for axis in (1, 0):
            at = np.flatnonzero(hidden[image].any(axis))
            length = hidden.shape[2 - axis]
            sides += [at[0] / length, (at[-1] + 1 - at[0]) / length]
        return {"top": sides[0], "height": sides[1], "left": sides[2], "width": sides[3]}


def colours(part: str) -> np.ndarray:
    """The 256 colours of a part of a map."""
    return pictures.SIGNED if part == "signed" else pictures.HEAT


def read_explained(
    run: Run, names: Callable[[int], str], units: dict[str, str] | None = None
) -> ExplainedImages | None:
    """The explained images of a run folder, or None. Raises InputError where they cannot be read.

    units: of the methods' maps; None where they are not known, and then no map is taken for noise.
    """
    facts, path = run.read_object("explained.json"), run.path / "explained.safetensors"
    if not facts or not path.is_file():
        return None
    tensors = read_tensors(path)
    return ExplainedImages(**facts, tensors=tensors, names=names, units=units or {})
