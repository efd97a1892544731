"""Roles of table columns, by their names and contents: splits, or a class each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from ironglass.data.files.plain import printable
from ironglass.data.sources.columns import LABELS
from ironglass.data.splits import SPLITS
from ironglass.errors import InputError

Lines: TypeAlias = Sequence[tuple[int, list[str | None]]]
"""The number of each line, and its cells."""

LABEL_NAMES = (*LABELS, "class_name", "label_name", "target_class", "y")
SPLIT_NAMES = ("split", "subset", "partition", "set", "phase", "usage")
_FOLDS = re.compile(r"(k_?)?folds?|fold_?(id|no|number)|is_?(train|training|val|valid|validation|test)")


def normalised_name(name: str) -> str:
    """A column's name in lower case, with underscores between its words."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def split_column(header: Sequence[str], lines: Lines, file: int) -> int | None:
    """The column of splits: by its name, or the only one that holds the names of two splits and nothing else."""
    if by_name := [i for i, name in enumerate(header) if normalised_name(name) in SPLIT_NAMES and i != file]:
        return by_name[0]
    complete = [cells for _, cells in lines if len(cells) == len(header)]
    candidates = []
    for i, name in enumerate(header):
        values = {(cells[i] or "").lower() for cells in complete} - {""}
        is_split = values <= SPLITS.keys() and len({SPLITS[value] for value in values}) > 1
        candidates += [i] * (is_split and i != file and normalised_name(name) not in LABEL_NAMES)
    return candidates[0] if len(candidates) == 1 else None


def one_hot(
    path: Path, header: Sequence[str], lines: Lines, excluded: set[int | None]
) -> tuple[list[str], list[tuple[int, list[str | None]]]] | None:
    """Header and lines with a column `label` more, where each other column than `taken` is of one class, with a 1 where
    the image is of it and else 0; None for other tables.

    Raises InputError where a line has no 1, or several.
    """
    class_columns = [
        i for i, name in enumerate(header) if i not in excluded and name.strip()
    ]  # pandas' own numbers have no name
    if len(class_columns) < 2 or any(normalised_name(header[i]) in LABEL_NAMES for i in class_columns):
        return None
    if not all(len(cells) == len(header) for _, cells in lines):
        return None
    if not all(cells[i] in ("0", "1", "0.0", "1.0") for _, cells in lines for i in class_columns):
        return None
    labelled: list[tuple[int, list[str | None]]] = []
    for line, cells in lines:
        ones = [header[i] for i in class_columns if cells[i] in ("1", "1.0")]
        if len(ones) != 1:
            raise InputError(
                f"{printable(path)}, line {line}, has a 1 in {len(ones)} of the {len(class_columns)} columns of 0 and"
                " 1: an image is of one class here; name a column of classes with --label-column"
            )
        labelled.append((line, [*cells, ones[0]]))
    return [*header, "label"], labelled


def unused_folds(path: Path, header: Sequence[str], used: set[int | None]) -> list[str]:
    """Note on an unused column that seems to name splits; none where there is none."""
    folds = [name for i, name in enumerate(header) if i not in used and _FOLDS.fullmatch(normalised_name(name))]
    if not folds:
        return []
    return [f"the column {printable(folds[0])[:60]!r} of {printable(path.name)} is not used: it names no splits"]


def other_folders(root: Path, table: Path, pairs: Sequence[tuple[Path, str | None]]) -> tuple[str, ...]:
    """Note on files in a folder named after another class than the one that the table gives them."""
    labels = {label for _, label in pairs if label is not None}
    misplaced = [file for file, label in pairs if label and file.parent.name in labels and file.parent.name != label]
    if not misplaced:
        return ()
    example = printable(misplaced[0].relative_to(root).as_posix())[:200]
    subject = f"{len(misplaced):,} of {len(pairs):,} files"
    return (
        f"{subject} lie in the folder of another class than {printable(table.name)} gives them, as {example}: the table"
        " counts",
    )


def splits_by_names(table: Path, files: Sequence[Path], root: Path) -> list[str]:
    """The split named by the table's own name or folder, else by the folders of all its files; a split a file."""
    for part in (table.stem, table.parent.name if table.parent != root else ""):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in SPLITS:
                return [word] * len(files)
    firsts = [file.relative_to(root).parts[0] for file in files]
    if all(first.lower() in SPLITS for first in firsts):
        return firsts
    return ["train"] * len(files)
