"""Strokes of a brush and rectangles that hide a part of a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.explain.parts.fill import fill_images
from ironglass.types import Images

FILLS = ("black", "grey", "white", "blur")
MOST_DONORS = 8
"""Pictures whose parts are painted over another, at most."""
MOST_STROKES, MOST_POINTS = 500, 5000
"""Strokes of a picture and points of all of them, at most."""
FARTHEST = 1e5
"""Pixels that a point may lie from the corner: a brush leaves the picture, and comes back."""


@dataclass(frozen=True, kw_only=True)
class Donor:
    """A fill: the pixels of another picture.

    picture: its position among the donors that `paint` is given.
    shift: (right, down) in pixels, from a painted pixel to the donor's pixel that is painted there.
    """

    picture: int = 0
    shift: tuple[int, int] = (0, 0)


Fill: TypeAlias = str | Donor


@dataclass(frozen=True, kw_only=True)
class Brush:
    """Every pixel whose centre is at most `radius` from the line through the points.

    fill: one of FILLS, or a Donor.
    radius: in pixels.
    points: (x, y) in pixels from the top left corner, at least one.
    """

    kind: ClassVar[str] = "brush"
    fill: Fill
    radius: float
    points: tuple[tuple[float, float], ...]

    def mask(self, height: int, width: int) -> np.ndarray:
        """The hidden pixels: bool (h, w)."""
        hidden = np.zeros((height, width), bool)
        ends = [*self.points[1:], self.points[-1]] if len(self.points) > 1 else self.points
        for (x, y), (to_x, to_y) in zip(self.points, ends, strict=True):
            rows = _within(min(y, to_y) - self.radius, max(y, to_y) + self.radius, height)
            columns = _within(min(x, to_x) - self.radius, max(x, to_x) + self.radius, width)
            down, right = np.ogrid[rows, columns]
            down, right = down + 0.5 - y, right + 0.5 - x
            along_x, along_y = to_x - x, to_y - y
            length = along_x**2 + along_y**2
            share = np.clip((right * along_x + down * along_y) / length, 0, 1) if length else 0.0
            near = (right - share * along_x) ** 2 + (down - share * along_y) ** 2 <= self.radius**2
            hidden[rows, columns] |= near
        return hidden


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """A rectangle, in whole pixels; what lies outside the picture is cut off.

    fill: one of FILLS, or a Donor.
    top, left, height, width: in pixels.
    """

    kind: ClassVar[str] = "rectangle"
    fill: Fill
    top: int
    left: int
    height: int
    width: int

    def mask(self, height: int, width: int) -> np.ndarray:
        """The hidden pixels: bool (h, w)."""
        hidden = np.zeros((height, width), bool)
        bottom, right = max(0, self.top + self.height), max(0, self.left + self.width)
        hidden[max(0, self.top) : bottom, max(0, self.left) : right] = True
        return hidden


Stroke: TypeAlias = Brush | Rectangle


def paint(images: Images, strokes: Sequence[Stroke], donors: Sequence[Images] = ()) -> Images:
    """The images (n, c, h, w) in [0, 1] with the strokes over them, one after another.

    What is painted takes values of whole 255ths, so that a PNG of an 8-bit picture holds exactly what the network sees.
    A blur is that of the images themselves, whatever was painted before. What would come from beyond the border of a
    donor is not painted.

    donors: pictures (1, c, h, w) in [0, 1] for the strokes whose fill is a Donor; as large as the images.
    """
    painted = images
    for stroke in strokes:
        mask = torch.from_numpy(stroke.mask(images.shape[2], images.shape[3])).to(images.device)
        if isinstance(stroke.fill, Donor):
            level, inside = _shifted(donors[stroke.fill.picture].to(images.device), stroke.fill.shift)
            mask = mask & inside
        else:
            level = fill_images(stroke.fill, images)
        painted = torch.where(mask, level.mul(255).round().div(255), painted)
    return painted


def _shifted(donor: Images, shift: tuple[int, int]) -> tuple[Images, Tensor]:
    """For each pixel that of the donor at this shift, and whether there is one: (1, c, h, w) and bool (h, w)."""
    right, down = shift
    rows = torch.arange(donor.shape[2], device=donor.device) + down
    columns = torch.arange(donor.shape[3], device=donor.device) + right
    inside = ((rows >= 0) & (rows < len(rows)))[:, None] & ((columns >= 0) & (columns < len(columns)))
    return donor[:, :, rows.clamp(0, len(rows) - 1)][..., columns.clamp(0, len(columns) - 1)], inside


def read_strokes(value: Any, donors: int = 0) -> tuple[Stroke, ...]:
    """Strokes from JSON. Raises InputError for anything but a list of them with the fields that they have.

    donors: pictures that a stroke's fill may name.
    """
    if not isinstance(value, list) or len(value) > MOST_STROKES:
        raise InputError(f"strokes: give a list of at most {MOST_STROKES}")
    strokes = tuple(_stroke(entry, f"strokes[{i}]", donors) for i, entry in enumerate(value))
    if sum(len(stroke.points) for stroke in strokes if isinstance(stroke, Brush)) > MOST_POINTS:
        raise InputError(f"strokes: more than {MOST_POINTS} points; clear some of them")
    return strokes


def _stroke(entry: Any, where: str, donors: int) -> Stroke:
    kinds = {"brush": ("radius", "points"), "rectangle": ("top", "left", "height", "width")}
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError(f"{where}.kind: give brush or rectangle")
    if set(entry) != {"kind", "fill", *kinds[kind]}:
        raise InputError(f"{where}: a {kind} has kind, fill, {', '.join(kinds[kind])} and nothing else")
    fill = _fill(entry["fill"], f"{where}.fill", donors)
    if kind == "rectangle":
        top, left, height, width = (_number(entry[name], f"{where}.{name}", integer=True) for name in kinds[kind])
        if height < 1 or width < 1:
            raise InputError(f"{where}: height and width are at least 1")
        return Rectangle(fill=fill, top=int(top), left=int(left), height=int(height), width=int(width))
    radius, points = _number(entry["radius"], f"{where}.radius"), entry["points"]
    if radius <= 0:
        raise InputError(f"{where}.radius: give more than 0")
    if not isinstance(points, list) or not 0 < len(points) <= MOST_POINTS:
        raise InputError(f"{where}.points: give 1 to {MOST_POINTS} pairs")
    return Brush(fill=fill, radius=radius, points=tuple(_point(point, f"{where}.points") for point in points))


def _fill(value: Any, where: str, donors: int) -> Fill:
    if not isinstance(value, dict):
        return read_fill(value)
    if set(value) != {"donor", "shift"}:
        raise InputError(f"{where}: a donor has donor, shift and nothing else")
    picture, shift = value["donor"], value["shift"]
    if isinstance(picture, bool) or not isinstance(picture, int) or not 0 <= picture < donors:
        raise InputError(f"{where}.donor: the request names {donors} donors; give the position of one")
    if not isinstance(shift, list) or len(shift) != 2:
        raise InputError(f"{where}.shift: give a pair of whole numbers")
    right, down = (int(_number(part, f"{where}.shift", integer=True)) for part in shift)
    return Donor(picture=picture, shift=(right, down))


def read_fill(value: Any) -> str:
    """A fill by name. Raises InputError for one that is not in FILLS."""
    if not isinstance(value, str) or value not in FILLS:
        raise unknown("fill", str(value)[:40], FILLS)
    return value


def _point(value: Any, where: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise InputError(f"{where}: each is a pair of numbers")
    return _number(value[0], where), _number(value[1], where)


def _number(value: Any, where: str, *, integer: bool = False) -> float:
    if isinstance(value, bool) or not isinstance(value, int if integer else int | float):
        raise InputError(f"{where}: give a {'whole ' * integer}number")
    if not abs(value) <= FARTHEST or not math.isfinite(value):
        raise InputError(f"{where}: give a number from −{FARTHEST:.0f} to {FARTHEST:.0f}")
    return value


def _within(low: float, high: float, length: int) -> slice:
    """The pixels of an axis between two places, and one more on each side."""
    return slice(min(length, max(0, math.floor(low) - 1)), min(length, max(0, math.ceil(high) + 1)))
