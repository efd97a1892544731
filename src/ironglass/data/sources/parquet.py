"""Parquet files in Hugging Face's layout, read without its library."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.data.files.plain import check_plain, printable
from ironglass.data.source import NO_REQUEST, ColumnRequest, Encoded, Listing, Source
from ironglass.data.sources import columns
from ironglass.data.sources.attributes import features_of, further_columns
from ironglass.data.sources.roles import SPLIT_NAMES, normalised_name
from ironglass.data.sources.walk import stamps
from ironglass.data.splits import SPLITS, canonical, unused_splits
from ironglass.errors import InputError

_ROWS = 64
_MAX_ROWS = 20_000_000


def parquet(path: Path, request: ColumnRequest = NO_REQUEST) -> Source:
    """A Parquet file, or a folder with `train-*.parquet`, `data/train-*.parquet` or `train/*.parquet`.

    Class names come from Hugging Face's ClassLabel, else from the labels themselves; shards and splits that list them
    in another order are matched by name. An image is named by its split and row; where a cell holds none but names a
    file, that must lie below `path`. Raises InputError where a file is not Parquet or the columns cannot be told.
    """
    files = find_parquet(path)
    root = path if path.is_dir() else path.parent
    identity = ["parquet", stamps(files, root), request.identity()]
    roots = (root,) if path.is_dir() else ()
    return Source(printable(path.stem), identity, lambda: _listings(root, files, roots, request))


def find_parquet(path: Path) -> list[Path]:
    """The Parquet files that make up one data set, sorted. Raises InputError where they make up several."""
    if not path.is_dir():
        return [path]
    searched = [path, path / "data"]
    for folder_path in (path, path / "data"):
        inner = [folder for folder in _folders(folder_path) if _tables(folder)]
        if any(folder.name.lower() in SPLITS for folder in inner):
            searched += inner  # folders beside a split are splits, too
    if files := sorted(file for folder_path in searched for file in _tables(folder_path)):
        return files
    inner = [folder for folder in _folders(path) if _tables(folder)]
    if len(inner) > 1:
        choices = ", ".join(printable(folder.name) for folder in inner)
        raise InputError(f"{printable(path)} holds several data sets: name one of {choices}")
    return _tables(inner[0]) if inner else []


def _folders(path: Path) -> list[Path]:
    return [folder for folder in sorted(path.glob("*/")) if not folder.name.startswith(".")]


def _tables(path: Path) -> list[Path]:
    return sorted(file for file in path.glob("*.parquet") if not file.name.startswith("."))


def _listings(
    root: Path, files: Sequence[Path], roots: Sequence[Path], request: ColumnRequest
) -> Mapping[str, Listing]:
    shards: dict[str, list[Path]] = {}
    for file in files:
        check_plain(file)
        shards.setdefault(_split(file.relative_to(root)), []).append(file)
    notes: tuple[str, ...] = ()
    if (
        len(shards) > 1
        and not request.splits
        and shards.keys() == {file.relative_to(root).as_posix() for file in files}
    ):
        shards = {"train": list(files)}
        notes = (f"the names of the {len(files)} Parquet files tell no splits: taken for one data set",)
    if len(shards) == 1 and (split := _split_column(files)):
        return _by_column(files, split, roots, request, notes)
    chosen_splits = canonical(shards, request.splits)
    notes += unused_splits(shards, chosen_splits.values())
    listings = {split: _listing(split, shards[name], roots, request) for split, name in chosen_splits.items()}
    first = next(iter(listings))
    return {**listings, first: listings[first].said(*notes)}


def _split_column(files: Sequence[Path]) -> str | None:
    """The column of text that by its name holds splits, in all files; None where there is none."""
    common: list[str] | None = None
    for file in files:
        with _readable(file):
            schema = pq.read_schema(file)
        candidates = [
            field.name
            for field in schema
            if columns.holds_text(field.type) and normalised_name(field.name) in SPLIT_NAMES
        ]
        common = candidates if common is None else [name for name in common if name in candidates]
    return common[0] if common and len(common) == 1 else None


def _by_column(
    files: Sequence[Path], column: str, roots: Sequence[Path], request: ColumnRequest, notes: tuple[str, ...]
) -> Mapping[str, Listing]:
    """A listing for each split that the column names; all are training images where it holds one word only."""
    values: list[str] = []
    for file in files:
        with _readable(file):
            values += [
                str(value or "").strip() for value in pq.read_table(file, columns=[column]).column(0).to_pylist()
            ]
    listing = _listing("rows", files, roots, request).said(*notes)
    names = list(dict.fromkeys(name for name in values if name))
    if len(names) < 2 and not request.splits:
        return {"train": listing}
    splits = canonical(names, request.splits)
    column_notes = [f"the column {printable(column)[:60]!r} tells the splits", *unused_splits(names, splits.values())]
    if without_split := sum(not name for name in values):
        column_notes.append(f"left out {without_split:,} images without a split")
    rows = np.array(values)
    listings = {split: listing.take(np.flatnonzero(rows == name)) for split, name in splits.items()}
    first = next(iter(listings))
    return {**listings, first: listings[first].said(*listing.notes, *column_notes)}


def _split(path: Path) -> str:
    """The split that the file's name, or else its folder's, tells of; else its folder, or its own name."""
    for part in reversed(path.parts):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return word
    return path.parent.name if path.parent.name not in ("", "data") else path.as_posix()


def _listing(split: str, files: Sequence[Path], roots: Sequence[Path], request: ColumnRequest) -> Listing:
    image = label = ""
    columns_read: list[tuple[pa.ChunkedArray, tuple[str, ...] | None]] = []
    for file in files:
        with _readable(file):
            metadata = pq.read_metadata(file)
            schema = pq.read_schema(file)
        if metadata.num_rows > _MAX_ROWS:
            raise InputError(f"{printable(file)} claims {metadata.num_rows:,} rows: give {_MAX_ROWS:,} or fewer")
        features = features_of(schema)
        if not image:
            image = columns.image_column(schema, features, request.image_column)
            label = columns.label_column(schema, features, request.label_column)
        else:
            _check_same(file, files[0], schema, features, image, label)
        with _readable(file):
            columns_read.append(
                (
                    pq.read_table(file, columns=[label], page_checksum_verification=True).column(0),
                    columns.names_of(features.get(label), label),
                )
            )
    labels, classes, notes = _classes(split, label, files, columns_read)
    if request.label_column is None and not any(names for _, names in columns_read):
        columns.check_one_class(classes, f"the column {printable(label)[:60]!r}")
    with _readable(files[0]):
        further, texts = further_columns(files, {image, label, *SPLIT_NAMES}, set(request.attributes))
    return Listing(
        names=[f"{split}/{row}" for row in range(len(labels))],
        labels=labels,
        classes=classes,
        read=lambda rows: _read(files, image, rows, roots),
        notes=notes,
        columns=further,
        attributes=texts,
    )


def _check_same(
    file: Path, first: Path, schema: pa.Schema, features: Mapping[str, Any], image: str, label: str
) -> None:
    for find_column, name in ((columns.image_column, image), (columns.label_column, label)):
        try:
            find_column(schema, features, name)
        except InputError as error:
            raise InputError(
                f"{printable(file)} does not go with {printable(first.name)}, whose columns are {image!r} and"
                f" {label!r}: {error}"
            ) from error


def _classes(
    split: str, label: str, files: Sequence[Path], parts: Sequence[tuple[pa.ChunkedArray, tuple[str, ...] | None]]
) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
    """Labels of all files in one list of classes, matched by name where each has names; and what is to be said."""
    has_names = [names is not None for _, names in parts]
    if any(has_names) and not all(has_names):
        with_names, without = files[has_names.index(True)], files[has_names.index(False)]
        raise InputError(
            f"{printable(with_names)} has class names and {printable(without.name)} has none: which label is which"
            " class cannot be told"
        )
    if not any(has_names):
        try:
            column = pa.chunked_array([chunk for part, _ in parts for chunk in part.chunks], type=parts[0][0].type)
        except (pa.ArrowException, TypeError) as error:
            raise InputError(f"the Parquet files of {split} hold different types in the column {label!r}") from error
        labels, classes = columns.classes_of(column, None)
        return labels, classes, (columns.numbered(classes),) if columns.by_value(classes) else ()
    lists = [names for _, names in parts if names is not None]
    classes = tuple(dict.fromkeys(name for names in lists for name in names))
    position = {name: i for i, name in enumerate(classes)}
    labels_found = []
    for column, names in parts:
        labels, own_classes = columns.classes_of(column, names)
        labels_found.append(np.array([*(position[name] for name in own_classes), -1], dtype=np.int64)[labels])
    is_same = all(names == lists[0] for names in lists)
    note = f"the Parquet files of {split} list their classes differently: they were matched by name"
    return np.concatenate(labels_found), classes, () if is_same else (note,)


def _read(files: Sequence[Path], column: str, rows: np.ndarray, roots: Sequence[Path]) -> Iterator[Encoded]:
    start = 0
    for file in files:
        with _readable(file), pq.ParquetFile(file, page_checksum_verification=True) as table:
            for batch in table.iter_batches(_ROWS, columns=[column]):
                low, high = np.searchsorted(rows, (start, start + len(batch)))
                if high > low:
                    cells = batch.column(0).take(pa.array(rows[low:high] - start))
                    yield from columns.encoded_images(cells, roots, printable(file))
                start += len(batch)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{printable(file)} cannot be read as Parquet: {printable(str(error))[:300]}") from error
