"""Further columns of a table: texts that go with each image, as the domain it is of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.choices import did_you_mean
from ironglass.data.dataset import Dataset, Split
from ironglass.data.files.plain import printable
from ironglass.data.source import Listing
from ironglass.data.sources.columns import names_of
from ironglass.errors import InputError

_MAX_NAMES = 12


def with_attributes(dataset: Dataset, listings: Mapping[str, Listing], columns: Sequence[str]) -> Dataset:
    """The data set with these columns as attributes of each split, matched by the images' names.

    listings: of its source, with these columns, see `check_columns`. Raises InputError where two images of one name
    have other values.
    """
    if not columns:
        return dataset
    texts: dict[str, dict[str, str]] = {column: {} for column in columns}
    for listing in listings.values():
        for column, by_name in texts.items():
            for name, text in zip(listing.names, listing.attributes[column], strict=True):
                if by_name.setdefault(name, text) != text:
                    raise InputError(
                        f"{printable(name)[:200]} has two values in the column {column!r}, {by_name[name][:60]!r} and "
                        f"{text[:60]!r}: give one"
                    )
    return replace(dataset, splits={name: _attributed(split, texts) for name, split in dataset.splits.items()})


def check_columns(data: str, listings: Mapping[str, Listing], columns: Iterable[str]) -> None:
    """Raises InputError for a column that a listing has not, naming those that all have."""
    common = _common_columns(listings)
    for column in columns:
        if column not in common:
            choices = f"there are {_listed(common)}" if common else "there is none beside images, classes and splits"
            raise InputError(f"{data} has no column {column!r}{did_you_mean(column, common)}: {choices}")


def columns_notes(listings: Mapping[str, Listing]) -> list[str]:
    """A sentence on the further columns, by which accuracy may be split, where there are any."""
    common = _common_columns(listings)
    if not common:
        return []
    return [f"further columns of the table: {_listed(common)}; --slice-by searches the named ones for low accuracy"]


def _common_columns(listings: Mapping[str, Listing]) -> list[str]:
    first, *others = listings.values()
    return [name for name in first.columns if all(name in other.columns for other in others)]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:60] for name in names[:_MAX_NAMES]) + (", …" if len(names) > _MAX_NAMES else "")


def _attributed(split: Split, texts: Mapping[str, Mapping[str, str]]) -> Split:
    attributes = {column: tuple(by_name[name] for name in split.names) for column, by_name in texts.items()}
    return replace(split, attributes=attributes)


def further_cells(
    header: Sequence[str] | None, lines: Sequence[tuple[int, list[str | None]]], used: set[int | None], names: set[str]
) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """The further columns of a table of cells, and the texts of those that were requested."""
    columns = {printable(name): i for i, name in enumerate(header or ()) if i not in used and name.strip()}
    texts = {name: [printable(cells[i] or "") for _, cells in lines] for name, i in columns.items() if name in names}
    return tuple(columns), texts


def texts_by_file(
    tables: Sequence[tuple[Path, Sequence[Path], Mapping[str, Sequence[str]]]],
) -> dict[str, dict[Path, str]]:
    """The text of each file in each column that all tables have. Raises InputError for two texts of one file.

    tables: the path of each, the file that each of its lines names, and the lines' texts by column.
    """
    common = [column for column in tables[0][2] if all(column in texts for _, _, texts in tables)]
    by_column: dict[str, dict[Path, str]] = {column: {} for column in common}
    for path, files, texts in tables:
        for column, by_file in by_column.items():
            for file, text in zip(files, texts[column], strict=True):
                if by_file.setdefault(file, text) != text:
                    raise InputError(
                        f"{printable(path.name)} gives {printable(file.name)[:200]} a second value in the column "
                        f"{column!r}, {by_file[file][:60]!r} and {text[:60]!r}: one value an image"
                    )
    return by_column


def further_columns(
    files: Sequence[Path], used: set[str], names: set[str]
) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """The further columns that all Parquet files have, and the texts of those that were requested."""
    schemas = [pq.read_schema(file) for file in files]
    columns = tuple(
        field.name
        for field in schemas[0]
        if field.name not in used and all(name_is_text(schema, field.name) for schema in schemas)
    )
    texts: dict[str, list[str]] = {name: [] for name in columns if name in names}
    for file, schema in zip(files, schemas, strict=True):
        for name, cells in texts.items():
            cells += texts_of(pq.read_table(file, columns=[name]).column(0), features_of(schema).get(name), name)
    return columns, texts


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """Hugging Face's features, by column; {} where the file has none that can be read."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def name_is_text(schema: pa.Schema, name: str) -> bool:
    """Returns whether the schema has one column of this name, of text, numbers or truth values."""
    if schema.names.count(name) != 1:
        return False
    kind = schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    kinds = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_string,
        pa.types.is_large_string,
    )
    return any(is_kind(kind) for is_kind in kinds)


def texts_of(column: pa.ChunkedArray, feature: Any, name: str) -> list[str]:
    """The cells of a column as texts, "" for none; names where Hugging Face's ClassLabel gives them.

    Raises InputError for a number beyond the names.
    """
    values, names = column.to_pylist(), names_of(feature, name)
    if names is None:
        return [_text(value) for value in values]
    if any(isinstance(value, int) and value >= len(names) for value in values):
        raise InputError(f"the column {name!r} holds {max(filter(None, values))} where there are {len(names)} names")
    return [names[value] if isinstance(value, int) and value >= 0 else _text(value) for value in values]


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return str(value).lower() if isinstance(value, bool) else printable(str(value))
