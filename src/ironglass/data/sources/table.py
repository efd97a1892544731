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
from ironglass.data.sources.columns import by_value, check_one_class, numbered
from ironglass.data.sources.named import NamedFiles
from ironglass.data.sources.roles import other_folders
from ironglass.data.sources.rows import TABLE_SUFFIXES, Unfit, read_rows
from ironglass.data.sources.walk import Below, stamps
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
    near = [path for path in files if is_table(path) and _is_near(path, root)]
    if metadata := [path for path in near if path.stem.lower() == "metadata"]:
        return metadata
    words = {path: {word for word in re.split(r"[^a-z]+", path.stem.lower()) if word} for path in near}
    named = [path for path in near if words[path] and words[path] <= _WORDS | SPLITS.keys()]
    plain = [path for path in named if not words[path] & SPLITS.keys() and path.parent == root]
    return plain or named


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
    root: Path, found: Below, tables: Sequence[Path], request: ColumnRequest
) -> Mapping[str, Listing]:
    """The images below `root` that the tables name, with their classes; images that none names are left out, by name.

    Raises InputError where the tables cannot be read, name no image, or contradict each other.
    """
    _check_one_each(tables)
    files = NamedFiles(root, found)
    read, unfit = _those_that_fit(tables, root, files, request)
    listings = dict(_listings(read, root, request))
    named = {file for one in read for file in one.files}
    unnamed = tuple(
        (printable(file.relative_to(root).as_posix()), f"no line in {printable(tables[0].name)}")
        for file in found.images
        if file not in named
    )
    first, *_ = listings
    pairs = [pair for one in read for pair in zip(one.files, one.labels, strict=True)]
    listings[first] = listings[first].said(*unfit, *other_folders(root, tables[0], pairs))
    used = frozenset({*(one.path for one in read), *named})
    others = (*unnamed, *found.left_out(root, used))
    return {**listings, first: listings[first].said(*found.note(root, used)).without(others)}


def _those_that_fit(
    tables: Sequence[Path], root: Path, files: NamedFiles, request: ColumnRequest
) -> tuple[list[_Read], tuple[str, ...]]:
    """The tables that give classes, and a sentence on each other one. Raises Unfit where none does."""
    read: list[_Read] = []
    unfit: list[Unfit] = []
    for path in tables:
        try:
            read.append(_read(path, root, files, request))
        except Unfit as error:
            if request.names_columns():
                raise
            unfit.append(error)
    if not read:
        raise unfit[0]
    return read, tuple(f"a table is not used: {error}" for error in unfit)


def _check_one_each(tables: Sequence[Path]) -> None:
    seen: dict[tuple[Path, frozenset[str]], Path] = {}
    for path in tables:
        words = set(re.split(r"[^a-z]+", path.stem.lower())) & SPLITS.keys()
        key = (path.parent, frozenset(SPLITS[word] for word in words))
        if key in seen:
            raise InputError(
                f"{printable(seen[key])} and {printable(path.name)} lie side by side: name one of them as the data"
            )
        seen[key] = path


@dataclass
class _Read:
    """Contents of one table: (n,) files, labels (None where there is none) and splits."""

    path: Path
    files: list[Path] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def _read(path: Path, root: Path, files: NamedFiles, request: ColumnRequest) -> _Read:
    rows = read_rows(path, request)
    read = _Read(path, notes=list(rows.notes))
    inexact: Counter[str] = Counter()
    labels: dict[Path, str | None] = {}
    there = 0
    for line, name, label, split in rows:
        where = f"{printable(path.name)}, line {line},"
        if not name:
            raise InputError(f"{where} names no file: fill it in or remove the line")
        file, how = _file(name, path.parent, root, files, where)
        there += files.exists(file)
        if how:
            inexact[how] += 1
        if file in labels:
            if labels[file] != label:
                both = f"{printable(str(labels[file]))[:60]!r} and {printable(str(label))[:60]!r}"
                raise InputError(f"{where} gives {printable(name)[:200]} a second class, {both}: one class an image")
            continue
        labels[file] = label
        read.files.append(file)
        read.labels.append(label)
        read.splits.append(split)
    if not there:
        example = f", as {printable(read.files[0].relative_to(root))[:200]}" if read.files else ""
        raise Unfit(
            f"none of the {len(read.files):,} files that {printable(path)} names is below {printable(root)}{example}"
        )
    if missing := len(read.files) - sum(files.exists(file) for file in read.files):
        gone = next(file for file in read.files if not files.exists(file))
        named = printable(gone.relative_to(root).as_posix())[:200]
        read.notes.append(f"{missing:,} files that {printable(path.name)} names are missing, as {named}")
    read.notes += [f"{n:,} files of {printable(path.name)} were found {how}" for how, n in inexact.items()]
    if len(read.files) < rows.count:
        read.notes.append(f"{rows.count - len(read.files):,} lines of {printable(path.name)} repeat others")
    return read


def _file(name: str, base: Path, root: Path, files: NamedFiles, where: str) -> tuple[Path, str]:
    """The file meant by `name`, which lies relative to the table's folder; and how it was found, "" where it lies just
    there or nowhere."""
    path = within(root, str(base.relative_to(root) / name), where)
    if files.exists(path):
        return path, ""
    if "\\" in name:
        return _file(name.replace("\\", "/"), base, root, files, where)
    if len(spelt := files.alike(path)) == 1:
        return spelt[0], "under names that differ by capitals or accents alone"
    if "/" not in name:
        alike = [file for file in files.named(name) if file.is_relative_to(base)]
        if len(alike) == 1:
            here = alike[0].parent == base
            return alike[0], "by their names without suffixes" if here else "by their names, in other folders"
        if alike:
            both = " and ".join(printable(file.relative_to(root).as_posix()) for file in alike[:2])
            raise InputError(f"{where} names {printable(name)[:200]}, which is {both}: give the path")
    return path, ""


def _listings(tables: Sequence[_Read], root: Path, request: ColumnRequest) -> Mapping[str, Listing]:
    """A listing a split. Classes are all labels in sorted order, numbers by their value."""
    groups: dict[str, list[tuple[Path, str | None]]] = defaultdict(list)
    for one in tables:
        splits = one.splits if any(one.splits) else _splits_of(one, root)
        for file, label, split in zip(one.files, one.labels, splits, strict=True):
            groups[split].append((file, label))
    notes = tuple(note for one in tables for note in one.notes)
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
    listings = {}
    for split, name in splits.items():
        files = [file for file, _ in groups[name]]
        listings[split] = Listing(
            names=[printable(file.relative_to(root).as_posix()) for file in files],
            labels=np.array([-1 if label is None else position[label] for _, label in groups[name]], dtype=np.int64),
            classes=tuple(printable(name) for name in classes),
            read=lambda rows, files=files: (files[i] for i in rows),
            notes=notes,
        )
    return listings


def _splits_of(one: _Read, root: Path) -> list[str]:
    """The split that the table's own name or folder tells of, else the folders of the files where all do."""
    for part in (one.path.stem, one.path.parent.name if one.path.parent != root else ""):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return [word] * len(one.files)
    firsts = [file.relative_to(root).parts[0] for file in one.files]
    if all(first.lower() in SPLITS for first in firsts):
        return firsts
    return ["train"] * len(one.files)
