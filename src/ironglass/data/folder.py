"""A folder of folders: each class is a folder of images, with or without train, validation and test above them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ironglass.data.decode import SUFFIXES
from ironglass.data.source import Listing, Source
from ironglass.data.splits import SPLITS, canonical
from ironglass.errors import InputError


def folder(path: Path) -> Source:
    """Images in `path/CLASS/` or `path/SPLIT/CLASS/`, however deep; classes in sorted order.

    A split without class folders is unlabelled and left out. Raises InputError where there are no class folders.
    """
    root = _inner(path)
    files = list(images_under(root))
    return Source(path.stem, ["folder", stamps(files, root)], lambda: _listings(root, files))


def images_under(path: Path) -> Iterator[Path]:
    """Every image file below `path`, told by its suffix, in sorted order; hidden ones are left out."""
    yield from _walk(path, frozenset({path.resolve()}))


def _walk(path: Path, above: frozenset[Path]) -> Iterator[Path]:
    for entry in _visible(path):
        if entry.is_dir():
            inner = Path(entry.path)
            resolved = inner.resolve() if entry.is_symlink() else inner
            if resolved not in above:  # a link to a folder above would never end
                yield from _walk(inner, above | {resolved})
        elif entry.name.lower().endswith(SUFFIXES):
            yield Path(entry.path)


def stamps(files: Sequence[Path], root: Path) -> list:
    """[relative path, bytes, time of last change in ns] of each file: changes whenever a file does."""
    return [[path.relative_to(root).as_posix(), (s := path.stat()).st_size, s.st_mtime_ns] for path in files]


def _visible(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            found = [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
        return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"cannot read the folder {path}: {error.strerror}") from error


def _folders(path: Path) -> list[Path]:
    return [Path(entry.path) for entry in _visible(path) if entry.is_dir()]


def _inner(path: Path) -> Path:
    """Down through a lone folder of folders, which archives like to add."""
    folders = _folders(path)
    while len(folders) == 1 and folders[0].name.lower() not in SPLITS and _folders(folders[0]):
        path, folders = folders[0], _folders(folders[0])
    return path


def _listings(root: Path, files: Sequence[Path]) -> Mapping[str, Listing]:
    folders = _folders(root)
    if not folders:
        raise InputError(f"{root} has no class folders: put the images of each class into a folder of its own")
    splits = [entry.name for entry in folders if entry.name.lower() in SPLITS and _folders(entry)]
    if not splits:
        return {"train": _listing(root, root, files)}
    return {
        split: _listing(root / name, root, [file for file in files if file.is_relative_to(root / name)])
        for split, name in canonical(splits).items()
    }


def _listing(top: Path, root: Path, files: Sequence[Path]) -> Listing:
    classes = tuple(entry.name for entry in _folders(top))
    position = {name: i for i, name in enumerate(classes)}
    files = [file for file in files if file.parent != top]
    labels = np.array([position[file.relative_to(top).parts[0]] for file in files], dtype=np.int64)
    if len(empty := set(range(len(classes))) - set(labels.tolist())):
        raise InputError(f"the class folder {top / classes[min(empty)]} has no images: add some or remove it")
    return listing(files, root, labels, classes)


def listing(files: Sequence[Path], root: Path, labels: np.ndarray, classes: tuple[str, ...]) -> Listing:
    """The listing of image files, named relative to `root`."""
    names = [file.relative_to(root).as_posix() for file in files]
    return Listing(names, labels, classes, lambda rows: (files[i] for i in rows))
