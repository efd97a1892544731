"""A subset of a data set's classes, as a data set of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ironglass.choices import did_you_mean
from ironglass.data.cache.store import cache_folder, fingerprint, read_or_build, write_entry, write_pixels
from ironglass.data.dataset import Dataset
from ironglass.data.match import normalised_name
from ironglass.errors import InputError

_MAX_NAMES = 20


def only_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The images of these classes alone, numbered in the order given, copied into a cache entry of their own.

    Names match as in `match_classes`. The fingerprint is another one; the quarantined files stay listed, all of them.
    Raises InputError for a name that the data have not, one given twice, fewer than two, and a class without images.
    """
    indices = class_positions(dataset.name, dataset.classes, classes)
    names = [dataset.classes[i] for i in indices]
    entry = cache_folder() / "decoded" / fingerprint(dataset.fingerprint, "only", names)
    return read_or_build(entry, dataset.name, lambda folder: _copy(dataset, folder, indices, names))


def _copy(dataset: Dataset, folder: Path, indices: list[int], names: list[str]) -> None:
    """Writes the cache entry of the chosen classes."""
    table = np.full(len(dataset.classes), -1)
    table[indices] = np.arange(len(indices))
    splits = {name: np.flatnonzero(table[split.labels] >= 0) for name, split in dataset.splits.items()}
    first = next(iter(splits))
    for name, i in zip(names, indices, strict=True):
        if not (dataset[first].labels == i).any():
            raise InputError(f"{dataset.name} has no image of the class {name!r} in {first}: leave it out")
    copied = {}
    for name, index in splits.items():
        split = dataset[name]
        if len(index):
            write_pixels(folder / f"{name}.npy", (split.pixels[i] for i in index))
            copied[name] = (table[split.labels[index]], [split.names[i] for i in index])
    write_entry(folder, copied, tuple(names), list(dataset.quarantined), dataset.notes, dataset.reading)


def class_positions(data: str, available: Sequence[str], classes: Sequence[str]) -> list[int]:
    """Indices of the chosen classes among those available. Raises InputError as `only_classes`.

    data: the data set's name.
    """
    indices = [_index(data, available, name) for name in classes]
    if len(set(indices)) < 2 or len(set(indices)) < len(indices):
        raise InputError(
            f"only {', '.join(classes) or 'nothing'}: give two classes or more, each once; {_available(available)}"
        )
    return indices


def _index(data: str, available: Sequence[str], name: str) -> int:
    if name in available:
        return list(available).index(name)
    matches = [i for i, candidate in enumerate(available) if normalised_name(candidate) == normalised_name(name)]
    if len(matches) != 1:
        raise InputError(f"{data} has no class {name!r}{did_you_mean(name, available)}: {_available(available)}")
    return matches[0]


def _available(classes: Sequence[str]) -> str:
    suffix = f", … ({len(classes)} in all)" if len(classes) > _MAX_NAMES else ""
    return f"there are {', '.join(classes[:_MAX_NAMES])}{suffix}"
