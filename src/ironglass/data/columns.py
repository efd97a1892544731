"""Which columns of a table hold the image and its class, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ironglass.data.source import Encoded
from ironglass.errors import InputError

_IMAGES = ("image", "img", "picture", "photo", "jpg", "png")
_LABELS = ("label", "labels", "class", "target", "category", "fine_label")


def image_column(schema: pa.Schema, features: Mapping[str, Any], named: str | None) -> str:
    """The column of images: the one named, the one that Hugging Face's features call Image, or one of bytes."""
    fitting = [field.name for field in schema if _holds_images(field.type)]
    if named is not None:
        return _named(named, schema, fitting, "--image-column", "encoded images")
    featured = [name for name in fitting if _kind(features, name) == "Image"]
    return _only(featured or fitting, _IMAGES, schema, "--image-column", "images")


def label_column(schema: pa.Schema, features: Mapping[str, Any], named: str | None) -> str:
    """The column of classes: the one named, the one that Hugging Face's features call ClassLabel, or by its name."""
    fitting = [field.name for field in schema if _holds_classes(field.type)]
    if named is not None:
        return _named(named, schema, fitting, "--label-column", "integers or names")
    featured = [name for name in fitting if _kind(features, name) == "ClassLabel"]
    return _only(
        featured or [name for name in fitting if name in _LABELS], _LABELS, schema, "--label-column", "classes"
    )


def classes_of(column: pa.ChunkedArray, feature: Mapping[str, Any] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels, int64 (n,), -1 where there is none, and class names: ClassLabel's own, else the values in sorted order.

    Raises InputError for a label beyond the names.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    known = np.asarray(column.is_valid())
    values = np.asarray(column.filter(pa.array(known)))
    labels = np.full(len(known), -1, dtype=np.int64)
    if feature and feature.get("names") and np.issubdtype(values.dtype, np.integer):
        names = tuple(feature["names"])
        if len(values) and values.max() >= len(names):
            raise InputError(
                f"a label is {values.max()} where there are {len(names)} class names (0 to {len(names) - 1})"
            )
        labels[known] = np.maximum(values, -1)
        return labels, names
    if np.issubdtype(values.dtype, np.integer):
        known[known] = values >= 0
        values = values[values >= 0]
    unique, labels[known] = np.unique(values, return_inverse=True)
    return labels, tuple(str(value) for value in unique)


def encoded_images(column: pa.ChunkedArray | pa.Array) -> Iterator[Encoded]:
    """What each cell holds: bytes, or where there are none the file that Hugging Face has put aside."""
    for cell in column:
        value = cell.as_py()
        if isinstance(value, dict):
            path = value.get("path")
            value = value["bytes"] or (Path(path) if path and Path(path).is_absolute() else None)
        yield value


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" for field in kind)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _holds_classes(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _kind(features: Mapping[str, Any], name: str) -> str | None:
    feature = features.get(name)
    return feature.get("_type") if isinstance(feature, Mapping) else None


def _named(name: str, schema: pa.Schema, fitting: Iterable[str], option: str, what: str) -> str:
    if name not in schema.names:
        raise InputError(f"there is no column {name!r}: {option} must be one of {', '.join(schema.names)}")
    if name not in fitting:
        raise InputError(f"the column {name!r} holds {schema.field(name).type}, not {what}: name another {option}")
    return name


def _only(fitting: list[str], common: Iterable[str], schema: pa.Schema, option: str, what: str) -> str:
    if len(fitting) == 1:
        return fitting[0]
    for name in common:
        if name in fitting:
            return name
    raise InputError(f"which column holds the {what}? name one with {option}: {', '.join(schema.names)}")
