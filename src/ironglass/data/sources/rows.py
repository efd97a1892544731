"""Rows of a label table: columns of the file, its class and its split."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ironglass.data.decoding.decode import SUFFIXES
from ironglass.data.files.plain import open_plain, printable
from ironglass.data.source import ColumnRequest
from ironglass.data.sources.attributes import further_cells
from ironglass.data.sources.roles import LABEL_NAMES, normalised_name, one_hot, split_column, unused_folds
from ironglass.errors import InputError

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".txt")
_MAX_BYTES = 2**30  # bytes of a table
_FILE_NAMES = (
    *("file_name", "filename", "filepath", "file_path", "path", "file", "image_path", "image_file", "image_name"),
    *("image", "img_path", "img", "image_id", "id", "name", "images"),
)


class UnsuitableTable(InputError):
    """A file named like a label table that gives these images no classes."""


@dataclass(frozen=True)
class Rows:
    """The lines as (line, file, label, split); label None where there is none, split "" where there is none.

    columns: names of the further columns.
    attributes: a text a line of those that were requested.
    """

    lines: list[tuple[int, str, str | None, str]]
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    attributes: dict[str, list[str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[int, str, str | None, str]]:
        return iter(self.lines)

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.lines)


def read_rows(path: Path, request: ColumnRequest) -> Rows:
    """The lines of the table at `path`: with a header, JSON lines, or in .txt and headless files FILE LABEL a line.

    Raises InputError where the table cannot be read, or its columns cannot be told.
    """
    text = _text(path)
    if path.suffix.lower() == ".jsonl":
        header, lines = _json_lines(path, text)
    else:
        header, lines = _cells(path, text, request)
    if not lines:
        raise InputError(f"{printable(path)} has no lines: give one an image")
    notes: list[str] = []
    file, label = 0, 1
    split: int | None = None
    if header:
        file = _column(path, header, _FILE_NAMES, request.image_column, "--image-column", "files")
        split = split_column(header, lines, file)
        if request.label_column is None and (one_hot_table := one_hot(path, header, lines, {file, split})):
            header, lines = one_hot_table
            notes.append(f"the classes of {printable(path.name)} are its columns of 0 and 1")
        label = _label(path, header, file, split, request.label_column, notes)
        notes += unused_folds(path, header, {file, split, label})
    lines_read = []
    for line, cells in lines:
        if len(cells) != len(header or "ab"):
            raise InputError(
                f"{printable(path)}, line {line}, has {len(cells)} cells where there are {len(header or 'ab')} columns"
            )
        used = [cells[i] or "" for i in (file, label, *(() if split is None else (split,)))]
        if any("\0" in cell for cell in used):
            raise InputError(f"{printable(path)}, line {line}, holds neither text nor a whole number where one is due")
        lines_read.append((line, used[0], used[1] or None, used[2] if len(used) > 2 else ""))
    if (
        any("the classes are those of" in note for note in notes)
        and len({name for _, _, name, _ in lines_read}) == len(lines_read) > 2
    ):  # captions, most likely
        raise UnsuitableTable(
            f"the column {printable((header or [''])[label])[:60]!r} of {printable(path)} gives every file a class of"
            " its own: name another with --label-column"
        )
    further = further_cells(header, lines, {file, label, split}, set(request.attributes))
    return Rows(lines_read, tuple(notes), *further)


def _text(path: Path) -> str:
    try:
        with open_plain(path) as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {printable(path)}: {error.strerror}") from error
    if len(raw) > _MAX_BYTES:
        raise InputError(
            f"{printable(path)} has more than {_MAX_BYTES // 2**20} MiB: give Parquet, or a folder a class"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(f"{printable(path)}, line {line}, is no UTF-8: save the table as UTF-8") from error


def _cells(
    path: Path, text: str, request: ColumnRequest
) -> tuple[list[str] | None, list[tuple[int, list[str | None]]]]:
    """The header, or None, and the lines with their numbers."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    comma = next((mark for mark in "\t,;" if mark in first), None)
    if comma is None:
        lines = [(i, _file_and_label(line)) for i, line in enumerate(text.split("\n"), 1) if line.strip()]
    else:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
        lines = []
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    lines.append((reader.line_num, [cell.strip() for cell in cells]))
        except csv.Error as error:
            raise InputError(f"{printable(path)}, line {reader.line_num}, cannot be read: {error}") from error
    if not lines:
        return None, []
    header = [str(cell) for cell in lines[0][1]]
    if request.image_column in header or any(normalised_name(name) in _FILE_NAMES for name in header):
        if repeated := next((name for name in header if header.count(name) > 1), None):
            raise InputError(f"{printable(path)} has two columns {printable(repeated)[:60]!r}: rename one")
        return header, lines[1:]
    if len(header) == 2 and header[0].lower().endswith(SUFFIXES):
        return None, lines
    raise UnsuitableTable(
        f"the first line of {printable(path)} names no column of files: call it file_name, path, file or image, or name"
        " it with --image-column"
    )


def _file_and_label(line: str) -> list[str | None]:
    """File and label with spaces between; the file's name may have some, too."""
    file, _, label = line.strip().rpartition(" ")
    return [file.strip(), label] if file else [label]


def _json_lines(path: Path, text: str) -> tuple[list[str], list[tuple[int, list[str | None]]]]:
    objects: list[tuple[int, dict[str, Any]]] = []
    for i, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{printable(path)}, line {i}, is no JSON: {printable(str(error))[:100]}") from error
        if not isinstance(value, dict):
            raise InputError(f'{printable(path)}, line {i}, is no JSON object: write {{"file_name": …, "label": …}}')
        objects.append((i, value))
    header = list(dict.fromkeys(name for _, value in objects for name in value))
    return header, [(i, [_json_text(value.get(name)) for name in header]) for i, value in objects]


def _json_text(value: Any) -> str | None:
    """A value of a JSON object as text; what is neither text nor a whole number is refused only where it is used."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int):
        return str(value).lower()
    return "\0"


def _column(
    path: Path, header: Sequence[str], common: Sequence[str], requested: str | None, option: str, content: str
) -> int:
    if requested is not None:
        if requested not in header:
            raise InputError(
                f"{printable(path)} has no column {requested!r}: {option} must be one of {_listed(header)}"
            )
        return header.index(requested)
    for name in common:
        if matches := [i for i, header_name in enumerate(header) if normalised_name(header_name) == name]:
            return matches[0]
    raise UnsuitableTable(
        f"which column of {printable(path)} holds the {content}? name one with {option}: {_listed(header)}"
    )


def _label(
    path: Path, header: Sequence[str], file: int, split: int | None, requested: str | None, notes: list[str]
) -> int:
    if requested is not None:
        return _column(path, header, (), requested, "--label-column", "classes")
    candidates = [i for i, name in enumerate(header) if normalised_name(name) in LABEL_NAMES and i != file]
    if len(candidates) > 1:
        raise UnsuitableTable(
            f"which column of {printable(path)} holds the classes? name one with --label-column:"
            f" {_listed([header[i] for i in candidates])}"
        )
    if candidates:
        return candidates[0]
    remaining = [i for i in range(len(header)) if i not in (file, split)]
    if len(remaining) != 1:
        raise UnsuitableTable(
            f"which column of {printable(path)} holds the classes? name one with --label-column: {_listed(header)}"
        )
    notes.append(
        f"the classes are those of the column {printable(header[remaining[0]])[:60]!r} of {printable(path.name)}"
    )
    return remaining[0]


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(printable(name)[:60] for name in names[:12])
    return f"{listed}, …" if len(names) > 12 else listed
