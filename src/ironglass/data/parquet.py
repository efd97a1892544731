"""Parquet files in Hugging Face's layout, read without its library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.data import columns
from ironglass.data.folder import stamps
from ironglass.data.source import Encoded, Listing, Source
from ironglass.data.splits import SPLITS, canonical
from ironglass.errors import InputError

_ROWS = 64


def parquet(path: Path, *, image_column: str | None = None, label_column: str | None = None) -> Source:
    """A Parquet file, or a folder with `train-*.parquet`, `data/train-*.parquet` or `train/*.parquet`.

    Class names come from Hugging Face's ClassLabel, else from the labels themselves. An image is named by its split
    and row. Raises InputError where a file is not Parquet or the columns cannot be told.
    """
    files = find_parquet(path)
    root = path if path.is_dir() else path.parent
    identity = ["parquet", stamps(files, root), image_column, label_column]
    return Source(path.stem, identity, lambda: _listings(root, files, image_column, label_column))


def find_parquet(path: Path) -> list[Path]:
    """The Parquet files that make up one data set, sorted. Raises InputError where they make up several."""
    if path.is_file():
        return [path]
    places = [path, path / "data"]
    places += [folder for place in places for folder in sorted(place.glob("*/")) if folder.name.lower() in SPLITS]
    if files := sorted(file for place in places for file in place.glob("*.parquet")):
        return files
    inner = [folder for folder in sorted(path.glob("*/")) if any(folder.glob("*.parquet"))]
    if len(inner) > 1:
        raise InputError(f"{path} holds several data sets: name one of {', '.join(folder.name for folder in inner)}")
    return sorted(inner[0].glob("*.parquet")) if inner else []


def _listings(root: Path, files: Sequence[Path], image: str | None, label: str | None) -> Mapping[str, Listing]:
    shards: dict[str, list[Path]] = {}
    for file in files:
        shards.setdefault(_split(file.relative_to(root)), []).append(file)
    return {split: _listing(split, shards[name], image, label) for split, name in canonical(shards).items()}


def _split(path: Path) -> str:
    """The split that the file's name, or else its folder's, tells of; the file's own name where none does."""
    for part in reversed(path.parts):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return SPLITS[word]
    return path.as_posix()


def _listing(split: str, files: Sequence[Path], image: str | None, label: str | None) -> Listing:
    with _readable(files[0]):
        schema = pq.read_schema(files[0])
    features = _features(schema)
    image = columns.image_column(schema, features, image)
    label = columns.label_column(schema, features, label)
    parts = []
    for file in files:
        with _readable(file):
            parts.append(pq.read_table(file, columns=[label]).column(0))
    try:
        column = pa.chunked_array([chunk for part in parts for chunk in part.chunks], type=schema.field(label).type)
    except (pa.ArrowException, TypeError) as error:
        raise InputError(f"the Parquet files of {split} hold different types in the column {label!r}") from error
    labels, classes = columns.classes_of(column, features.get(label))
    return Listing(
        names=[f"{split}/{row}" for row in range(len(labels))],
        labels=labels,
        classes=classes,
        read=lambda rows: _read(files, image, rows),
    )


def _read(files: Sequence[Path], column: str, rows: np.ndarray) -> Iterator[Encoded]:
    start = 0
    for file in files:
        with _readable(file), pq.ParquetFile(file) as table:
            for batch in table.iter_batches(_ROWS, columns=[column]):
                low, high = np.searchsorted(rows, (start, start + len(batch)))
                if high > low:
                    yield from columns.encoded_images(batch.column(0).take(pa.array(rows[low:high] - start)))
                start += len(batch)


def _features(schema: pa.Schema) -> dict[str, Any]:
    try:
        return json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{file} cannot be read as Parquet: {error}") from error
