"""Some of a data set's classes, as a data set of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ironglass.choices import did_you_mean
from ironglass.data.cache.store import cache_folder, fingerprint, read_or_build, write_entry, write_pixels
from ironglass.data.dataset import Dataset
from ironglass.data.match import spoken
from ironglass.errors import InputError

_NAMED = 20


def only_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The images of these classes alone, numbered in the order given, copied into a cache entry of their own.

    Names match as in `match_classes`. The fingerprint is another one; the quarantined files stay listed, all of them.
    Raises InputError for a name that the data have not, one given twice, fewer than two, and a class without images.
    """
    chosen = class_positions(dataset.name, dataset.classes, classes)
    names = [dataset.classes[i] for i in chosen]
    entry = cache_folder() / "decoded" / fingerprint(dataset.fingerprint, "only", names)
    return read_or_build(entry, dataset.name, lambda folder: _copy(dataset, folder, chosen, names))


def _copy(dataset: Dataset, folder: Path, chosen: list[int], names: list[str]) -> None:
    """Writes the cache entry of the chosen classes."""
    table = np.full(len(dataset.classes), -1)
    table[chosen] = np.arange(len(chosen))
    splits = {name: np.flatnonzero(table[split.labels] >= 0) for name, split in dataset.splits.items()}
    first = next(iter(splits))
    for name, i in zip(names, chosen, strict=True):
        if not (dataset[first].labels == i).any():
            raise InputError(f"{dataset.name} has no image of the class {name!r} in {first}: leave it out")
    kept = {}
    for name, index in splits.items():
        split = dataset[name]
        if len(index):
            write_pixels(folder / f"{name}.npy", (split.pixels[i] for i in index))
            kept[name] = (table[split.labels[index]], [split.names[i] for i in index])
    write_entry(folder, kept, tuple(names), list(dataset.quarantined), dataset.notes, dataset.reading)


def class_positions(data: str, there: Sequence[str], classes: Sequence[str]) -> list[int]:
    """Positions, in the classes that are `there`, of those that are to be kept. Raises InputError as `only_classes`.

    data: the data set's name.
    """
    positions = [_position(data, there, name) for name in classes]
    if len(set(positions)) < 2 or len(set(positions)) < len(positions):
        raise InputError(f"only {', '.join(classes) or 'nothing'}: give two classes or more, each once; {_list(there)}")
    return positions


def _position(data: str, there: Sequence[str], name: str) -> int:
    if name in there:
        return list(there).index(name)
    alike = [i for i, other in enumerate(there) if spoken(other) == spoken(name)]
    if len(alike) != 1:
        raise InputError(f"{data} has no class {name!r}{did_you_mean(name, there)}: {_list(there)}")
    return alike[0]


def _list(there: Sequence[str]) -> str:
    more = f", … ({len(there)} in all)" if len(there) > _NAMED else ""
    return f"there are {', '.join(there[:_NAMED])}{more}"
