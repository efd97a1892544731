"""Groupings of images by an attribute: a value each, or fifths of a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ironglass.data.dataset import Split
from ironglass.errors import InputError

PARTS = 5
"""Slices of equal size that a number is cut into."""
MOST_VALUES = 100
"""Distinct values that a column may have; of numbers, more are cut into fifths."""
EMPTY = "(empty)"
CHUNK = 256

Kind = Literal["class", "column", "image", "cluster"]


@dataclass(frozen=True)
class Grouping:
    """Slices of the images by one attribute.

    attribute: its name, as "class" or "domain".
    kind: "class" of the label, "column" of the data's table, "image" for a property of the pixels or the file, or
        "cluster" of the network's features.
    values: name of each slice.
    codes: int64 (n,), positions in `values`; -1 for images that belong to none.
    """

    attribute: str
    kind: Kind
    values: tuple[str, ...]
    codes: np.ndarray


def by_value(attribute: str, kind: Kind, texts: Sequence[str]) -> Grouping:
    """The grouping by distinct values, sorted; an empty text is a value of its own.

    texts: (n,).
    """
    unique, codes = np.unique(np.asarray(texts, dtype=object).astype(str), return_inverse=True)
    return Grouping(attribute, kind, tuple(value or EMPTY for value in unique.tolist()), codes.astype(np.int64))


def by_fifths(attribute: str, kind: Kind, numbers: np.ndarray) -> Grouping:
    """The grouping into fifths of a number, equal numbers together; fewer slices where numbers repeat.

    numbers: (n,); those that are not finite belong to no slice.
    """
    numbers = np.asarray(numbers, dtype=np.float64)
    finite = np.isfinite(numbers)
    values = numbers[finite]
    if not len(values):
        return Grouping(attribute, kind, (), np.full(len(numbers), -1))
    edges = np.unique(np.quantile(values, np.arange(1, PARTS) / PARTS, method="inverted_cdf"))
    codes = np.full(len(numbers), -1)
    codes[finite] = np.searchsorted(edges, values)
    used, codes[finite] = np.unique(codes[finite], return_inverse=True)
    names = [_span(values[codes[finite] == code]) for code in range(len(used))]
    return Grouping(attribute, kind, tuple(names), codes)


def _span(values: np.ndarray) -> str:
    low, high = (f"{value:.3g}" if abs(value) < 1 else f"{value:.6g}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def by_column(attribute: str, texts: Sequence[str]) -> Grouping:
    """The grouping by a column of the data's table: by its values, or by fifths of many numbers.

    Raises InputError for more than 100 distinct values that are not all numbers.
    """
    distinct = set(texts)
    if len(distinct) <= MOST_VALUES:
        return by_value(attribute, "column", texts)
    try:
        numbers = np.array([float(text) if text else np.nan for text in texts])
    except ValueError as error:
        raise InputError(
            f"the column {attribute!r} has {len(distinct):,} distinct values in {len(texts):,} images: name one of at "
            f"most {MOST_VALUES}, or of numbers"
        ) from error
    return by_fifths(attribute, "column", numbers)


def image_groupings(split: Split) -> list[Grouping]:
    """Fifths of brightness, the mean of the pixels in [0, 1], and of contrast, the standard deviation of their grey."""
    scale = 255 if split.pixels.dtype == np.uint8 else 1
    brightness, contrast = np.empty(len(split)), np.empty(len(split))
    for start in range(0, len(split), CHUNK):
        part = slice(start, start + CHUNK)
        grey = np.asarray(split.pixels[part], dtype=np.float32).mean(3) / scale
        brightness[part], contrast[part] = grey.mean((1, 2)), grey.std((1, 2))
    return [by_fifths("brightness", "image", brightness), by_fifths("contrast", "image", contrast)]
