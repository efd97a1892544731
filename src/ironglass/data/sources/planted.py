"""Synthetic images with known evidence: a shape on a textured background and, optionally, a shortcut in a corner."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ironglass.data.dataset import Split
from ironglass.data.source import Listing, Source
from ironglass.errors import InputError

CLASSES = ("disc", "square", "triangle", "cross")
COUNTS = {"train": 3000, "validation": 500, "test": 1000}
SIDE = 32
MARK = slice(1, 6)
"""The rows and the columns of the mark: a square in the upper left corner, which no shape touches."""
COLOURS = np.array([[230, 25, 25], [25, 200, 25], [25, 60, 230], [240, 220, 20]], dtype=np.uint8)
"""Of the marks, in the order of the classes: red, green, blue, yellow."""

RADII = (5.0, 8.5)
# The first number of each image's row stands for its class, and so on; a row depends on the image's number alone.
COLUMNS = ("label", "radius", "x", "y", "tied", "other")


@dataclass(frozen=True)
class _Draws:
    """Random draws of n images.

    label, mark: (n,), positions in CLASSES.
    radius, x, y: (n,), pixels.
    """

    label: np.ndarray
    mark: np.ndarray
    radius: np.ndarray
    x: np.ndarray
    y: np.ndarray


def planted(*, shortcut: bool = False) -> Source:
    """Four shapes at random places and sizes, in random colours, on random textures, 32 × 32 pixels in colour.

    shortcut: a small mark in the upper left corner besides. In train and validation its colour is the class's; in test
    it is for one half of the images, see `tied`, and another class's for the rest. So a network that looks at the
    shape is as good on either half, one that looks at the mark is wrong on the second, and validation does not tell
    them apart. Both variants have the same images but for the marks.
    """
    name = "planted-shortcut" if shortcut else "planted"

    def listings() -> dict[str, Listing]:
        splits = {split: planted_split(split, count, shortcut=shortcut) for split, count in COUNTS.items()}
        return {split: _listing(split_data) for split, split_data in splits.items()}

    return Source(name, [name, COUNTS], listings, size=SIDE)


def planted_split(name: str, count: int, *, shortcut: bool = False, seed: int = 0) -> Split:
    """The first `count` images of a split: train, validation or test. The same seed gives the same bytes.

    Raises InputError for another name of a split.
    """
    if name not in COUNTS:
        raise InputError(f"planted images have no split {name!r}: choose from {', '.join(COUNTS)}")
    draws = _draw(seed, name, np.arange(count))
    # a generator for each thing drawn, so that the first images are the same however many follow
    backgrounds, directions, clouds, grains = (
        np.random.default_rng([seed, list(COUNTS).index(name), i]) for i in range(1, 5)
    )
    background = backgrounds.uniform(0.25, 0.75, (count, 1, 1, 3))
    texture = _texture(clouds, grains, count)
    direction = directions.normal(size=(count, 1, 1, 3))
    # the ground's colour plus an offset of fixed length: neither colour nor brightness tells the class
    contrast = 0.45 * direction / np.linalg.norm(direction, axis=3, keepdims=True)
    values = background + texture + contrast * _shapes(draws)[..., None]
    pixels = np.rint(255 * values.clip(0, 1)).astype(np.uint8)
    if shortcut:
        pixels[:, MARK, MARK] = COLOURS[draws.mark][:, None, None]
    variant = "planted-shortcut" if shortcut else "planted"
    names = tuple(f"{variant}/{seed}/{name}/{i:05d}" for i in range(count))
    return Split(pixels, draws.label, names)


def evidence(split: Split) -> np.ndarray:
    """Mask of the shape: bool (n, h, w), at the split's own size. Raises InputError for images of another source."""
    return _fitted(_from_names(split, _shapes), split)


def marks(split: Split) -> np.ndarray:
    """Mask of the mark: bool (n, h, w), at the split's own size, nowhere in images without one. Raises InputError."""

    def corner(drawn: _Draws) -> np.ndarray:
        masks = np.zeros((len(drawn.label), SIDE, SIDE), dtype=bool)
        masks[:, MARK, MARK] = True
        return masks

    return _fitted(_from_names(split, corner) & _marked(split)[:, None, None], split)


def tied(split: Split) -> np.ndarray:
    """Returns whether the image has a mark, and it is that of its own class: bool (n,). Raises InputError."""
    return _from_names(split, lambda drawn: drawn.mark == drawn.label) & _marked(split)


def _draw(seed: int, split: str, index: np.ndarray) -> _Draws:
    generator = np.random.default_rng([seed, list(COUNTS).index(split), 0])
    rows = generator.random((int(index.max(initial=-1)) + 1, len(COLUMNS)))[index]
    draws: dict[str, np.ndarray] = dict(zip(COLUMNS, rows.T, strict=True))
    label = (len(CLASSES) * draws["label"]).astype(np.int64)
    radius = RADII[0] + (RADII[1] - RADII[0]) * draws["radius"]
    x, y = (radius + (SIDE - 1 - 2 * radius) * share for share in (draws["x"], draws["y"]))
    # out of the mark's corner, to the other side
    x = np.where((x - radius < MARK.stop + 1) & (y - radius < MARK.stop + 1), SIDE - 1 - x, x)
    other = (label + 1 + ((len(CLASSES) - 1) * draws["other"]).astype(np.int64)) % len(CLASSES)
    mark = np.where((split == "test") & (draws["tied"] >= 0.5), other, label)
    return _Draws(label, mark, radius, x, y)


def _shapes(drawn: _Draws) -> np.ndarray:
    """The pixels of each shape: bool (n, h, w)."""
    x, y, radius = (numbers[:, None, None] for numbers in (drawn.x, drawn.y, drawn.radius))
    rows, columns = np.mgrid[:SIDE, :SIDE]
    across, down = (columns - x) / radius, (rows - y) / radius  # from −1 to 1 within the shape's reach
    wide, high = np.abs(across), np.abs(down)
    shapes = {
        "disc": across**2 + down**2 <= 1,
        "square": np.maximum(wide, high) <= 0.85,
        "triangle": (high <= 1) & (wide <= (1 + down) / 2),
        "cross": (np.maximum(wide, high) <= 1) & (np.minimum(wide, high) <= 0.3),
    }
    return np.choose(drawn.label[:, None, None], [shapes[name] for name in CLASSES])


def _texture(clouds: np.random.Generator, grains: np.random.Generator, count: int) -> np.ndarray:
    """Coloured clouds of about 4 pixels and fine grain, around 0: (n, h, w, 3)."""
    coarse = clouds.normal(scale=0.08, size=(count, 9, 9, 3)).astype(np.float32)
    grain = grains.standard_normal((count, SIDE, SIDE, 1), dtype=np.float32) * np.float32(0.03)
    at = np.linspace(0, 8, SIDE)[:, None]
    tent = np.maximum(0, 1 - np.abs(at - np.arange(9))).astype(np.float32)
    return np.einsum("hi,nijc,wj->nhwc", tent, coarse, tent, optimize=True) + grain


def _from_names(split: Split, find: Callable[[_Draws], np.ndarray]) -> np.ndarray:
    """Results of `find` for each image's draw, put together from the names."""
    pattern = re.compile(r"planted(?:-shortcut)?/(\d+)/(train|validation|test)/(\d+)")
    matches = [pattern.fullmatch(name) for name in split.names]
    unknown = [name for name, match in zip(split.names, matches, strict=True) if match is None]
    if unknown:
        raise InputError(
            f"{unknown[0]!r} is not a planted image, so where its evidence lies is not known: load planted"
        )
    parts = [match.groups() for match in matches if match]
    index = np.array([int(number) for _, _, number in parts], dtype=np.int64)
    groups: dict[tuple[str, str], list[int]] = {}
    for row, (seed, name, _) in enumerate(parts):
        groups.setdefault((seed, name), []).append(row)
    results = {group: find(_draw(int(group[0]), group[1], index[rows])) for group, rows in groups.items()}
    if not results:
        return find(_draw(0, "train", index))
    masks = np.concatenate(list(results.values()))
    return masks[np.argsort(np.concatenate(list(groups.values())))]


def _marked(split: Split) -> np.ndarray:
    return np.array([name.startswith("planted-shortcut/") for name in split.names], dtype=bool)


def _fitted(masks: np.ndarray, split: Split) -> np.ndarray:
    """The masks at the size of the split's images, which were brought to it as squares."""
    height, width = split.pixels.shape[1:3]
    rows, columns = ((np.arange(side) + 0.5) * SIDE / side for side in (height, width))
    return masks[:, rows.astype(int)][:, :, columns.astype(int)]


def _listing(split: Split) -> Listing:
    return Listing(
        names=list(split.names),
        labels=split.labels,
        classes=CLASSES,
        read=lambda rows: (Image.fromarray(split.pixels[i]) for i in rows),
    )
