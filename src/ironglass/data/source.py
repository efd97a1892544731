"""Data sources before decoding: encoded images with labels, by split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

Encoded: TypeAlias = bytes | Path | Image.Image | None
"""An image not yet decoded: the bytes of a file, where the file is, or what a library made of it; None: absent."""


@dataclass(frozen=True)
class Listing:
    """One split before decoding.

    names: n, where each image lies, relative to the source.
    labels: int64, (n,), positions in `classes`, -1 where unlabelled.
    read: gives the encoded images at ascending positions, in that order.
    notes: what was assumed or left out as a whole, a sentence each, to be said to the user.
    left_out: (name, reason) of every file that the source holds and that is no image of this data set.
    columns: names of the table's further columns.
    attributes: those of them that were requested, n texts each.
    """

    names: list[str]
    labels: np.ndarray
    classes: tuple[str, ...]
    read: Callable[[np.ndarray], Iterator[Encoded]]
    notes: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    columns: tuple[str, ...] = ()
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: np.ndarray) -> Listing:
        """A smaller listing of the images at the ascending positions `index`."""
        names = [self.names[i] for i in index.tolist()]
        attributes: dict[str, Sequence[str]] = {
            column: [texts[int(i)] for i in index] for column, texts in self.attributes.items()
        }
        return Listing(
            names,
            self.labels[index],
            self.classes,
            lambda rows: self.read(index[rows]),
            columns=self.columns,
            attributes=attributes,
        )

    def said(self, *notes: str) -> Listing:
        """The listing with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def without(self, files: tuple[tuple[str, str], ...]) -> Listing:
        """The listing with more (name, reason) of files left out."""
        return replace(self, left_out=(*self.left_out, *files))


@dataclass(frozen=True)
class ColumnRequest:
    """Columns and splits chosen by the user.

    image_column, label_column: of a table, where they are ambiguous.
    splits: the source's name for each of train, validation and test that is to be used; empty: by their usual names.
    attributes: further columns whose values go with the images.
    """

    image_column: str | None = None
    label_column: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()

    def names_columns(self) -> bool:
        """Returns whether a column is named."""
        return self.image_column is not None or self.label_column is not None

    def identity(self) -> list:
        """JSON values that identify the request, as far as the pixels, names and labels depend on it."""
        return [self.image_column, self.label_column, sorted(self.splits.items())]


NO_REQUEST = ColumnRequest()


@dataclass(frozen=True)
class Source:
    """A data source.

    name: for people.
    identity: JSON values that change whenever the files do.
    listings: lists the splits, by the source's own names; slow, so called only where nothing is cached.
    size: height and width where the user names none.
    """

    name: str
    identity: list
    listings: Callable[[], Mapping[str, Listing]]
    size: int | None = None
