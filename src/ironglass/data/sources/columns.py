"""Image and class columns of a table, and their contents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ironglass.data.files.plain import printable, within
from ironglass.data.source import Encoded
from ironglass.errors import InputError

_IMAGES = ("image", "img", "picture", "photo", "jpg", "png")
LABELS = ("label", "labels", "class", "target", "category", "fine_label")


def image_column(schema: pa.Schema, features: Mapping[str, Any], requested: str | None) -> str:
    """The column of images: the one named, the one that Hugging Face's features call Image, or one of bytes."""
    candidates = [field.name for field in schema if _holds_images(field.type)]
    if requested is not None:
        return _requested_column(requested, schema, candidates, "--image-column", "encoded images")
    featured = [name for name in candidates if _kind(features, name) == "Image"]
    return _single_candidate(featured or candidates, _IMAGES, schema, "--image-column", "images")


def label_column(schema: pa.Schema, features: Mapping[str, Any], requested: str | None) -> str:
    """The column of classes: the one named, the one that Hugging Face's features call ClassLabel, or by its name."""
    candidates = [field.name for field in schema if _holds_classes(field.type)]
    if requested is not None:
        return _requested_column(requested, schema, candidates, "--label-column", "integers or names")
    featured = [name for name in candidates if _kind(features, name) == "ClassLabel"]
    return _single_candidate(
        featured or [name for name in candidates if name in LABELS], LABELS, schema, "--label-column", "classes"
    )


def names_of(feature: Any, column: str) -> tuple[str, ...] | None:
    """The names of Hugging Face's ClassLabel, None where the feature is none.

    Raises InputError where they are no list of different names.
    """
    if not isinstance(feature, Mapping) or feature.get("names") in (None, []):
        return None
    names = feature["names"]
    if not isinstance(names, list) or not all(isinstance(name, str | int) for name in names):
        raise InputError(f"the class names of the column {column!r} are no list of names: {str(names)[:80]}")
    names_list = tuple(printable(str(name)) for name in names)
    if len(set(names_list)) < len(names_list):
        repeated = next(name for name in names_list if names_list.count(name) > 1)
        raise InputError(f"two classes of the column {column!r} bear the same name, {repeated[:60]!r}: rename one")
    return names_list


def classes_of(column: pa.ChunkedArray, names: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Labels, int64 (n,), -1 where there is none, and class names: the ClassLabel's own, else the values, sorted.

    Raises InputError for a label beyond the names, or that is none of them.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.string())
    is_valid = np.asarray(column.is_valid())
    values = np.asarray(column.filter(pa.array(is_valid)))
    labels = np.full(len(is_valid), -1, dtype=np.int64)
    is_integer = np.issubdtype(values.dtype, np.integer)
    if names and is_integer:
        if len(values) and values.max() >= len(names):
            raise InputError(
                f"a label is {values.max()} where there are {len(names)} class names (0 to {len(names) - 1})"
            )
        labels[is_valid] = np.maximum(values.astype(np.int64), -1)
        return labels, tuple(names)
    if is_integer:
        is_valid[is_valid] = values >= 0
        values = values[values >= 0]
    unique, labels[is_valid] = np.unique(values, return_inverse=True)
    class_list = tuple(printable(str(value)) for value in unique)
    if not names and not is_integer and (ordered := by_value(class_list)):
        position = np.array([*(ordered.index(name) for name in class_list), -1], dtype=np.int64)
        return position[labels], tuple(ordered)
    if not names:
        return labels, class_list
    if unknown_names := [name for name in class_list if name not in names]:
        raise InputError(f"a label is {unknown_names[0][:60]!r}, which is none of the {len(names)} class names")
    index = np.array([*(names.index(name) for name in class_list), -1], dtype=np.int64)
    return index[labels], tuple(names)


def by_value(labels: Iterable[str]) -> list[str] | None:
    """The labels in the order of their values, where all are whole numbers, also as 3.0; None where they are not."""
    distinct = set(labels)
    if not distinct or not all(re.fullmatch(r"(0|-?[1-9][0-9]{0,17})(\.0)?", label) for label in distinct):
        return None
    return sorted(distinct, key=lambda label: int(label.removesuffix(".0")))


def check_one_class(labels: Iterable[str], source: str) -> None:
    """Raises InputError where labels seem to be lists of classes, as "cat|dog" beside "cat" and "dog": there are fewer
    words than labels, and some labels have more of them than others."""
    distinct = set(labels)
    for separator in ("|", ";", ",", " "):
        parts = {label: [part.strip(" '\"") for part in label.strip("[]() ").split(separator)] for label in distinct}
        words = {word for entries in parts.values() for word in entries if word}
        if len({len(entries) for entries in parts.values()}) > 1 and len(words) < len(distinct):
            example = max(distinct, key=lambda label: len(parts[label]))
            raise InputError(
                f"{source} seems to hold several classes an image, as {printable(example)[:80]!r}, and an image is of"
                " one class here: name the column with --label-column, this one if each is a class of its own"
            )


def numbered(classes: Sequence[str]) -> str:
    """The sentence that is said where numbers without names are the classes."""
    listed = ", ".join(classes[:10]) + (", …" if len(classes) > 10 else "")
    return f"labels are numbers without names: the classes are {listed}, in this order"


def holds_numbers(schema: pa.Schema, column: str) -> bool:
    """Returns whether the column is of whole numbers, as they are or in a dictionary."""
    kind = schema.field(column).type
    return pa.types.is_integer(kind.value_type if pa.types.is_dictionary(kind) else kind)


def encoded_images(
    column: pa.ChunkedArray | pa.Array, roots: Sequence[Path] = (), source: str = "the table"
) -> Iterator[Encoded]:
    """Contents of each cell: bytes, or where there are none the file below one of `roots` that it names.

    Raises InputError for a file elsewhere: a table shall not choose what is read of the user's disk.
    """
    for cell in column:
        value = cell.as_py()
        if isinstance(value, dict):
            path, value = value.get("path"), value.get("bytes")
            if not value and isinstance(path, str) and path:
                value = _referenced_file(path, roots, source)
        yield value if isinstance(value, bytes | Path) else None


def _referenced_file(path: str, roots: Sequence[Path], source: str) -> Path:
    if not roots:
        raise InputError(
            f"{source} holds no image but names the file {printable(path)[:200]!r}: name the folder as the data,"
            " and have the file in it"
        )
    for root in roots[:-1]:
        with suppress(InputError):
            return within(root, path, source)
    return within(roots[-1], path, source)


def _holds_images(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(field.type) for field in kind)
    return _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _holds_classes(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    kinds = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean)
    return any(is_kind(kind) for is_kind in kinds)


def holds_text(kind: pa.DataType) -> bool:
    """Returns whether a column of this type holds text, as it is or in a dictionary."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _kind(features: Mapping[str, Any], name: str) -> str | None:
    feature = features.get(name)
    return feature.get("_type") if isinstance(feature, Mapping) else None


def _requested_column(name: str, schema: pa.Schema, candidates: Iterable[str], option: str, content: str) -> str:
    if name not in schema.names:
        raise InputError(f"there is no column {name!r}: {option} must be one of {', '.join(schema.names)}")
    if name not in candidates:
        raise InputError(f"the column {name!r} holds {schema.field(name).type}, not {content}: name another {option}")
    return _once(name, schema)


def _single_candidate(
    candidates: list[str], common: Iterable[str], schema: pa.Schema, option: str, content: str
) -> str:
    common_names = candidates if len(candidates) == 1 else [name for name in common if name in candidates]
    if len(common_names) == 1:
        return _once(common_names[0], schema)
    choices = ", ".join(printable(name)[:60] for name in (common_names or candidates or schema.names)[:20])
    raise InputError(f"which column holds the {content}? name one with {option}: {choices}")


def _once(name: str, schema: pa.Schema) -> str:
    if schema.names.count(name) > 1:
        raise InputError(f"there are {schema.names.count(name)} columns {name!r}: rename all but one")
    return name
