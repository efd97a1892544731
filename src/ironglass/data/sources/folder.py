"""A folder of images: a folder a class, with or without splits above them, or a table of labels beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ironglass.data.files.archive import is_archive
from ironglass.data.files.plain import printable
from ironglass.data.source import NO_REQUEST, ColumnRequest, Listing, Source
from ironglass.data.sources.columns import by_value
from ironglass.data.sources.others import other_kind
from ironglass.data.sources.rows import UnsuitableTable
from ironglass.data.sources.table import is_table, labelled_by_tables, tables_in
from ironglass.data.sources.walk import FilesBelow, below, folders, stamps, visible
from ironglass.data.splits import SPLITS, canonical, split_meant, unused_splits
from ironglass.errors import InputError


def folder(path: Path, request: ColumnRequest = NO_REQUEST) -> Source:
    """Images in `path/CLASS/` or `path/SPLIT/CLASS/`, however deep, classes in sorted order; or with a table.

    Folders are splits where all visible ones bear names of splits, or where `request` names them; else they are
    classes. A table is `metadata.csv` or `.jsonl`, `labels.csv` or the like, beside the images or their folders. A
    split without class folders is unlabelled and left out. Raises InputError where there are neither class folders nor
    a table.
    """
    root = _inner(path)
    files_below = below(root)
    tables = tables_in(root, files_below.others)
    if request.names_columns() and not tables:
        raise InputError(f"{printable(root)} has no table of labels: leave --image-column and --label-column out")
    identity = ["folder", stamps([*files_below.images, *tables], root), files_below.note(root), request.identity()]
    return Source(printable(path.stem), identity, lambda: _listings(root, files_below, tables, request))


def _inner(path: Path) -> Path:
    """Descends through a single folder, which archives often add."""
    inner = folders(path)
    while len(inner) == 1 and inner[0].name.lower() not in SPLITS and not _holds_files(path):
        if not folders(inner[0]) and not tables_in(inner[0], [Path(entry.path) for entry in visible(inner[0])]):
            break
        path, inner = inner[0], folders(inner[0])
    return path


def _holds_files(path: Path) -> bool:
    return bool(tables_in(path, [Path(entry.path) for entry in visible(path)]))


def _listings(
    root: Path, files_below: FilesBelow, tables: Sequence[Path], request: ColumnRequest
) -> Mapping[str, Listing]:
    table_error = None
    if tables:
        try:
            return labelled_by_tables(root, files_below, tables, request)
        except UnsuitableTable as error:
            if request.names_columns() or len({file.relative_to(root).parts[0] for file in files_below.images}) < 2:
                raise
            table_error = str(error)
    try:
        listings = _by_folders(root, files_below, request)
    except InputError as error:
        raise error if table_error is None else InputError(f"{error}; and {table_error}") from error
    if table_error is None:
        return listings
    first, *_ = listings
    note = f"the classes are those of the folders, since {printable(tables[0].name)} does not give them: {table_error}"
    return {**listings, first: listings[first].said(note)}


def _by_folders(root: Path, files_below: FilesBelow, request: ColumnRequest) -> Mapping[str, Listing]:
    inner = folders(root)
    if not inner:
        raise InputError(
            f"{printable(root)} has no class folders and no labels: put the images of each class into a folder of its"
            f" own, or add labels.csv with the columns file_name,label{_suggestion(files_below.others)}"
        )
    if not files_below.images and (kind := other_kind(files_below.others)):
        raise InputError(f"{printable(root)} holds no images{kind}")
    splits, notes = _splits(root, inner, files_below, request)
    notes = (*notes, *files_below.note(root))
    if not splits:
        return {"train": _listing(root, root, files_below.images).said(*notes).without(files_below.left_out(root))}
    listings, loose_files = {}, [file for file in files_below.images if file.parent == root]
    for split, name in splits.items():
        top, files = _within_split(root / name), _under(root / name, files_below.images)
        misplaced = [file for file in files if not file.is_relative_to(top)]
        listing = _listing(top, root, [file for file in files if file.is_relative_to(top)])
        listings[split] = listing.without(tuple((_name(file, root), "in no class folder") for file in misplaced))
    first, *_ = listings
    loose = tuple((_name(file, root), "beside the splits, in none of them") for file in loose_files)
    return {**listings, first: listings[first].said(*notes).without((*loose, *files_below.left_out(root)))}


def _suggestion(files: Sequence[Path]) -> str:
    """Names what files beside the images could be, as a clause to end a message with; "" where there are none."""
    if clause := other_kind(files):
        return clause
    tables = [file for file in files if is_table(file) and file.suffix.lower() != ".txt"]
    file = next(iter((*tables, *filter(is_archive, files))), None)
    return "" if file is None else f"; if {printable(file.name)[:100]} holds them, give its path as the data"


def _under(top: Path, files: Sequence[Path]) -> list[Path]:
    return [file for file in files if file.is_relative_to(top)]


def _splits(
    root: Path, inner: Sequence[Path], files_below: FilesBelow, request: ColumnRequest
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The folders that are splits, by our names, with notes for the user; none where they are classes."""
    with_images = {file.relative_to(root).parts[0] for file in files_below.images}
    names = [path.name for path in inner if path.name in with_images]
    with_subfolders = {path.name for path in inner if folders(path)}
    if request.splits:
        splits = canonical([path.name for path in inner], request.splits)
        if unlabelled := [name for name in splits.values() if name not in with_subfolders]:
            raise InputError(
                f"the split {printable(root / unlabelled[0])} has no class folders: put each class into one"
            )
        return splits, unused_splits(names, splits.values())
    split_named = [name for name in names if name.lower() in SPLITS]
    labelled = [name for name in split_named if name in with_subfolders]
    if split_named and len(split_named) == len(names):
        if not labelled:
            raise InputError(
                f"{printable(root)} has the folders {_name_list(names)} and no class folders in them: put the images of"
                " each class into a folder of its own, or add labels.csv with the columns file_name,label"
                f"{_suggestion(files_below.others)}"
            )
        if unlabelled := [name for name in names if name not in with_subfolders]:
            notes = (f"left out {_name_list(unlabelled)}: no class folders in it, so its images have no labels",)
            return canonical(labelled), notes
        return canonical(labelled), ()
    others = {name in with_subfolders for name in names if name not in split_named}
    if len({SPLITS[name.lower()] for name in labelled}) > 1 or (labelled and True not in others):
        example = ",".join(f"{SPLITS[name.lower()]}={name}" for name in labelled)
        raise InputError(
            f"{printable(root)} has {_name_list(names)}: are these splits or classes? Give --splits"
            f" {printable(example)} for splits; for classes, rename {_name_list(split_named)}"
        )
    candidates, common = _split_words(inner, names)
    if candidates:
        example = ",".join(f"{split}={folder_name}" for split, folder_name in candidates.items())
        scope = "each" if len(candidates) == len(names) else f"of them {_name_list(list(candidates.values()))} each"
        raise InputError(
            f"{printable(root)} has {_name_list(names)}, {scope} with {_name_list(common)}: are these splits or"
            " classes?"
            f" Give --splits {printable(example)} for splits; for classes, rename them"
        )
    if split_named:
        return {}, (f"{_name_list(split_named)} is taken for a class, since {_name_list(names)} lie side by side",)
    return {}, _ambiguity_note(inner)


def _common(inner: Sequence[Path]) -> list[str]:
    """The subfolders that all of several folders contain, if there are two or more; else none."""
    within = [[path.name for path in folders(_within_split(parent))] for parent in inner]
    is_same = len(within) > 1 and len(within[0]) > 1 and all(names == within[0] for names in within)
    return within[0] if is_same else []


def _split_words(inner: Sequence[Path], names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Folders named after two or more splits, such as training_set and seg_test, by our names, and the subfolders that
    they have in common; none where these are fewer than two."""
    splits: dict[str, Path] = {}
    for path in inner:
        if path.name in names and (split := split_meant(path.name)):
            splits.setdefault(split, path)
    subfolders = [{path.name for path in folders(_within_split(parent))} for parent in splits.values()]
    common = sorted(set.intersection(*subfolders)) if len(subfolders) > 1 else []
    return ({split: path.name for split, path in splits.items()}, common) if len(common) > 1 else ({}, [])


def _within_split(split: Path) -> Path:
    """A split's folder, or the lone one of that split in it, as archives leave it: train/train/cat/1.jpg."""
    inner = folders(split)
    if len(inner) != 1 or not folders(inner[0]):
        return split
    inner_split = split_meant(inner[0].name)
    is_same_split = inner[0].name == split.name or (inner_split is not None and inner_split == split_meant(split.name))
    return _within_split(inner[0]) if is_same_split else split


def _ambiguity_note(inner: Sequence[Path]) -> tuple[str, ...]:
    """Class folders that all hold the same folders could be splits of other names."""
    if not (common := _common(inner)):
        return ()
    names = [path.name for path in inner]
    listed = _name_list(common)
    return (
        f"{_name_list(names)} are taken for classes, though each holds {listed}: if they are splits, give --splits",
    )


def _name_list(names: Sequence[str]) -> str:
    listed = ", ".join(printable(name)[:60] for name in names[:8])
    return listed if len(names) <= 8 else f"{listed}, … ({len(names)} in all)"


def _listing(top: Path, root: Path, files: Sequence[Path]) -> Listing:
    inner = [path.name for path in folders(top)]
    position = {name: i for i, name in enumerate(inner)}
    unplaced = tuple((_name(file, root), "in no class folder") for file in files if file.parent == top)
    files = [file for file in files if file.parent != top]
    labels = np.array([position[file.relative_to(top).parts[0]] for file in files], dtype=np.int64)
    if len(empty := set(range(len(inner))) - set(labels.tolist())):
        folder_name = printable(top / inner[min(empty)])
        raise InputError(f"the class folder {folder_name} has no images: add some or remove it")
    listed = listing(files, root, labels, tuple(printable(name) for name in inner)).without(unplaced)
    return listed.said(*_order(inner), *_nested(top, files))


def _order(classes: Sequence[str]) -> tuple[str, ...]:
    """Notice for folders of numbers, whose order as text is not that of their values."""
    ordered = by_value(classes)
    if ordered is None or ordered == list(classes):
        return ()
    return (
        "the class folders are numbers, in the order of text, as torchvision's ImageFolder has it"
        f" ({_name_list(classes)}):"
        " outputs that have no names are taken in this order",
    )


def _nested(top: Path, files: Sequence[Path]) -> tuple[str, ...]:
    """Notice for several folders within one class folder: they could be the classes."""
    within = {file.relative_to(top).parts[:2] for file in files if len(file.relative_to(top).parts) > 2}
    counts = Counter(first for first, _ in within)
    if not counts or max(counts.values()) < 2:
        return ()
    name = min(first for first, n in counts.items() if n > 1)
    listed = _name_list(sorted(second for first, second in within if first == name))
    return (f"the classes are the upper folders: all images of {listed} are {printable(name)}",)


def listing(files: Sequence[Path], root: Path, labels: np.ndarray, classes: tuple[str, ...]) -> Listing:
    """The listing of image files, named relative to `root`."""
    return Listing([_name(file, root) for file in files], labels, classes, lambda rows: (files[i] for i in rows))


def _name(file: Path, root: Path) -> str:
    return printable(file.relative_to(root).as_posix())
