"""Images that a data set is to leave out, by a list of their names."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from ironglass.choices import did_you_mean, shown
from ironglass.data.cache.store import cache_folder, fingerprint, read_or_build, write_entry, write_pixels
from ironglass.data.dataset import Dataset
from ironglass.errors import InputError

HEADER = "# Images to leave out, one name a line; what follows a tab is why. Lines that begin with # are not used."
LONGEST = 1 << 26
"""Bytes of a list that is read."""


def list_text(rows: Iterable[tuple[str, str, bool]]) -> str:
    """A list of images as a file holds it: (name, reason, whether it is to be left out), else it is a comment."""
    lines = [f"{'' if used else '# '}{_quoted(name)}\t{_line(reason)}" for name, reason, used in rows]
    return "\n".join([HEADER, *lines, ""])


def read_list(path: str | Path) -> tuple[str, ...]:
    """The names that a list of images holds, each once. Raises InputError where it cannot be read."""
    try:
        if Path(path).stat().st_size > LONGEST:
            raise InputError(f"{path} has more than {LONGEST >> 20} MiB: no list of images has")
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: give a list of names, one a line") from error
    except OSError as error:
        raise InputError(f"cannot read the list of images to leave out, {path}: {error.strerror}") from error
    names: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), 1):
        name = line.partition("\t")[0].rstrip("\r")
        if name.strip() and not name.startswith("#"):
            names[_plain(name, f"{path}, line {number},")] = None
    return tuple(names)


def without_images(dataset: Dataset, path: str | Path) -> Dataset:
    """The data set without the images that a list names; all others stay in their splits.

    Raises InputError for a name that the data have not, and where a class of a split loses all of its images.
    """
    names = read_list(path)
    if not names:
        return dataset
    present = {name for split in dataset.splits.values() for name in split.names}
    check_names(names, present | {file.name for file in dataset.quarantined}, path)
    entry = cache_folder() / "decoded" / fingerprint(dataset.fingerprint, "without", sorted(names))
    return read_or_build(entry, dataset.name, lambda folder: _copy(dataset, folder, {*names}, path))


def check_names(names: Iterable[str], present: Collection[str], path: str | Path) -> None:
    """Raises InputError for names of a list, at `path`, that the data have not, nor their files that were set aside."""
    if unknown := sorted(name for name in names if name not in present):
        more = f" and {len(unknown) - 1:,} more that are not there" if len(unknown) > 1 else ""
        near = did_you_mean(unknown[0], present if len(present) < 20_000 else ())
        raise InputError(f"{path} names {shown(unknown[0])}{near}{more}: the data have no such image")


def _copy(dataset: Dataset, folder: Path, names: set[str], path: str | Path) -> None:
    splits, counts = {}, []
    for name, split in dataset.splits.items():
        index = np.array([i for i, image in enumerate(split.names) if image not in names], dtype=int)
        if lost := np.setdiff1d(split.labels, split.labels[index]).tolist():
            raise InputError(f"{path} leaves no image of the class {dataset.classes[lost[0]]!r} in {name}: shorten it")
        if len(index) < len(split):
            counts.append(f"{len(split) - len(index):,} of {name}")
        write_pixels(folder / f"{name}.npy", (split.pixels[i] for i in index))
        splits[name] = (split.labels[index], [split.names[i] for i in index])
    note = f"left out as {Path(path).name} lists: {', '.join(counts)}"
    notes = (*dataset.notes, note) if counts else dataset.notes
    write_entry(folder, splits, dataset.classes, list(dataset.quarantined), notes, dataset.reading)


def _quoted(name: str) -> str:
    odd = name.startswith(("#", '"')) or any(mark in name for mark in "\t\r\n") or not name.strip()
    return json.dumps(name) if odd else name


def _line(text: str) -> str:
    return " ".join(text.split())


def _plain(name: str, where: str) -> str:
    if not name.startswith('"'):
        return name
    try:
        value = json.loads(name)
    except ValueError as error:
        raise InputError(f"{where} begins with a quotation mark and is no JSON text: {error}") from error
    return str(value)
