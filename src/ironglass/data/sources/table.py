"""Tables that give files their classes: CSV, TSV, JSON lines, Hugging Face's metadata, and plain lists."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ironglass.data.files.plain import printable, within
from ironglass.data.source import ColumnRequest, Listing, Source
from ironglass.data.sources.attributes import texts_by_file
from ironglass.data.sources.columns import by_value, check_one_class, numbered
from ironglass.data.sources.named import NamedFiles
from ironglass.data.sources.roles import other_folders, splits_by_names
from ironglass.data.sources.rows import TABLE_SUFFIXES, Rows, UnsuitableTable, read_rows
from ironglass.data.sources.walk import FilesBelow, stamps
from ironglass.data.splits import SPLITS, canonical, unused_splits
from ironglass.errors import InputError

_WORDS = {
    "label",
    "labels",
    "annotation",
    "annotations",
    "metadata",
    "data",
    "images",
    "index",
    "list",
    "ground",
    "truth",
}


def is_table(path: Path) -> bool:
    """Returns whether the file's name is that of a table: .csv, .tsv, .jsonl or .txt."""
    return path.name.lower().endswith(TABLE_SUFFIXES) and not path.is_dir()


def tables_in(root: Path, files: Sequence[Path]) -> list[Path]:
    """Those of the files that, by their names, give the images below `root` their classes.

    They lie in `root` or in the folder of a split, `metadata.*` in any folder of it. The latter goes before all others,
    `labels.csv` before `train.csv`.
    """
    candidates = [path for path in files if is_table(path) and _is_near(path, root)]
    if metadata := [path for path in candidates if path.stem.lower() == "metadata"]:
        return metadata
    words = {path: {word for word in re.split(r"[^a-z]+", path.stem.lower()) if word} for path in candidates}
    recognised = [path for path in candidates if words[path] and words[path] <= _WORDS | SPLITS.keys()]
    general = [path for path in recognised if not words[path] & SPLITS.keys() and path.parent == root]
    return general or recognised


def _is_near(path: Path, root: Path) -> bool:
    if path.parent == root:
        return True
    return path.parent.parent == root and (path.stem.lower() == "metadata" or path.parent.name.lower() in SPLITS)


def table(path: Path, request: ColumnRequest) -> Source:
    """The images that the table at `path` names, below its folder, with their classes."""
    root = path.parent
    entries = NamedFiles(root, None)
    read = _read(path, root, entries, request)
    identity = ["table", stamps([path, *read.files], root), request.identity()]
    return Source(printable(path.stem), identity, lambda: _listings([read], root, request))


def labelled_by_tables(
    root: Path, files_below: FilesBelow, tables: Sequence[Path], request: ColumnRequest
) -> Mapping[str, Listing]:
    """The images below `root` that the tables name, with their classes; images that none names are left out, by name.

    Raises InputError where the tables cannot be read, name no image, or contradict each other.
    """
    _check_one_each(tables)
    files = NamedFiles(root, files_below)
    tables_read, remarks = _suitable_tables(tables, root, files, request)
    listings = dict(_listings(tables_read, root, request))
    referenced = {file for table_read in tables_read for file in table_read.files}
    unnamed = tuple(
        (printable(file.relative_to(root).as_posix()), f"no line in {printable(tables[0].name)}")
        for file in files_below.images
        if file not in referenced
    )
    first, *_ = listings
    pairs = [pair for table_read in tables_read for pair in zip(table_read.files, table_read.labels, strict=True)]
    listings[first] = listings[first].said(*remarks, *other_folders(root, tables[0], pairs))
    used = frozenset({*(table_read.path for table_read in tables_read), *referenced})
    excluded = (*unnamed, *files_below.left_out(root, used))
    return {**listings, first: listings[first].said(*files_below.note(root, used)).without(excluded)}


def _suitable_tables(
    tables: Sequence[Path], root: Path, files: NamedFiles, request: ColumnRequest
) -> tuple[list[_TableRows], tuple[str, ...]]:
    """The tables that give classes, and a sentence on each other one. Raises UnsuitableTable where none does."""
    tables_read: list[_TableRows] = []
    errors: list[UnsuitableTable] = []
    for path in tables:
        try:
            tables_read.append(_read(path, root, files, request))
        except UnsuitableTable as error:
            if request.names_columns():
                raise
            errors.append(error)
    if not tables_read:
        raise errors[0]
    return tables_read, tuple(f"a table is not used: {error}" for error in errors)


def _check_one_each(tables: Sequence[Path]) -> None:
    by_split: dict[tuple[Path, frozenset[str]], Path] = {}
    for path in tables:
        words = set(re.split(r"[^a-z]+", path.stem.lower())) & SPLITS.keys()
        key = (path.parent, frozenset(SPLITS[word] for word in words))
        if key in by_split:
            raise InputError(
                f"{printable(by_split[key])} and {printable(path.name)} lie side by side: name one of them as the data"
            )
        by_split[key] = path


@dataclass
class _TableRows:
    """Contents of one table: (n,) files, labels (None where there is none) and splits; its lines, a file each."""

    path: Path
    files: list[Path] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: Rows = field(default_factory=lambda: Rows([]))
    line_files: list[Path] = field(default_factory=list)


def _read(path: Path, root: Path, files: NamedFiles, request: ColumnRequest) -> _TableRows:
    rows = read_rows(path, request)
    table_read = _TableRows(path, notes=list(rows.notes), rows=rows)
    inexact: Counter[str] = Counter()
    labels: dict[Path, str | None] = {}
    existing = 0
    for line, name, label, split in rows:
        location = f"{printable(path.name)}, line {line},"
        if not name:
            raise InputError(f"{location} names no file: fill it in or remove the line")
        file, match_kind = _file(name, path.parent, root, files, location)
        existing += files.exists(file)
        table_read.line_files.append(file)
        if match_kind:
            inexact[match_kind] += 1
        if file in labels:
            if labels[file] != label:
                labels_quoted = f"{printable(str(labels[file]))[:60]!r} and {printable(str(label))[:60]!r}"
                raise InputError(
                    f"{location} gives {printable(name)[:200]} a second class, {labels_quoted}: one class an image"
                )
            continue
        labels[file] = label
        table_read.files.append(file)
        table_read.labels.append(label)
        table_read.splits.append(split)
    if not existing:
        example = f", as {printable(table_read.files[0].relative_to(root))[:200]}" if table_read.files else ""
        raise UnsuitableTable(
            f"none of the {len(table_read.files):,} files that {printable(path)} names is below"
            f" {printable(root)}{example}"
        )
    if missing := len(table_read.files) - sum(files.exists(file) for file in table_read.files):
        absent = next(file for file in table_read.files if not files.exists(file))
        example_name = printable(absent.relative_to(root).as_posix())[:200]
        table_read.notes.append(f"{missing:,} files that {printable(path.name)} names are missing, as {example_name}")
    table_read.notes += [
        f"{n:,} files of {printable(path.name)} were found {match_kind}" for match_kind, n in inexact.items()
    ]
    if len(table_read.files) < rows.count:
        table_read.notes.append(f"{rows.count - len(table_read.files):,} lines of {printable(path.name)} repeat others")
    return table_read


def _file(name: str, base: Path, root: Path, files: NamedFiles, location: str) -> tuple[Path, str]:
    """The file that `name` refers to, relative to the table's folder, and the kind of match: "" for an exact path or a
    missing file."""
    path = within(root, str(base.relative_to(root) / name), location)
    if files.exists(path):
        return path, ""
    if "\\" in name:
        return _file(name.replace("\\", "/"), base, root, files, location)
    if len(similar := files.similar(path)) == 1:
        return similar[0], "under names that differ by capitals or accents alone"
    if "/" not in name:
        matches = [file for file in files.named(name) if file.is_relative_to(base)]
        if len(matches) == 1:
            is_beside = matches[0].parent == base
            return matches[0], "by their names without suffixes" if is_beside else "by their names, in other folders"
        if matches:
            matches_listed = " and ".join(printable(file.relative_to(root).as_posix()) for file in matches[:2])
            raise InputError(f"{location} names {printable(name)[:200]}, which is {matches_listed}: give the path")
    return path, ""


def _listings(tables: Sequence[_TableRows], root: Path, request: ColumnRequest) -> Mapping[str, Listing]:
    """A listing per split. Classes are all labels in sorted order, numbers by their value."""
    groups: dict[str, list[tuple[Path, str | None]]] = defaultdict(list)
    for table_read in tables:
        named = table_read.splits if any(table_read.splits) else []
        splits = named or splits_by_names(table_read.path, table_read.files, root)
        for file, label, split in zip(table_read.files, table_read.labels, splits, strict=True):
            groups[split].append((file, label))
    notes = tuple(note for table_read in tables for note in table_read.notes)
    if "" in groups and len(groups) > 1:
        notes = (*notes, f"left out {len(groups.pop('')):,} files without a split")
    splits = canonical(groups, request.splits)
    notes = (*notes, *unused_splits(groups, splits.values()))
    labels = {label for name in splits.values() for _, label in groups[name] if label is not None}
    if request.label_column is None:
        check_one_class(labels, printable(tables[0].path.name))
    ordered = by_value(labels)
    classes = [name.removesuffix(".0") for name in ordered] if ordered else sorted(labels)
    if ordered:
        notes = (*notes, numbered(classes))
    position = {name: i for i, name in enumerate(ordered or classes)}
    attributes = texts_by_file([(one.path, one.line_files, one.rows.attributes) for one in tables])
    listings = {}
    for split, name in splits.items():
        files = [file for file, _ in groups[name]]
        listings[split] = Listing(
            names=[printable(file.relative_to(root).as_posix()) for file in files],
            labels=np.array([-1 if label is None else position[label] for _, label in groups[name]], dtype=np.int64),
            classes=tuple(printable(name) for name in classes),
            read=lambda rows, files=files: (files[i] for i in rows),
            notes=notes,
            columns=tables[0].rows.columns,
            attributes={column: [by_file[file] for file in files] for column, by_file in attributes.items()},
        )
    return listings
