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
    chosen = [_position(dataset, name) for name in classes]
    if len(set(chosen)) < 2 or len(set(chosen)) < len(chosen):
        raise InputError(
            f"only {', '.join(classes) or 'nothing'}: give two classes or more, each once; {_there(dataset)}"
        )
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


def _position(dataset: Dataset, name: str) -> int:
    if name in dataset.classes:
        return dataset.classes.index(name)
    alike = [i for i, other in enumerate(dataset.classes) if spoken(other) == spoken(name)]
    if len(alike) != 1:
        near = did_you_mean(name, dataset.classes)
        raise InputError(f"{dataset.name} has no class {name!r}{near}: {_there(dataset)}")
    return alike[0]


def _there(dataset: Dataset) -> str:
    more = f", … ({len(dataset.classes)} in all)" if len(dataset.classes) > _NAMED else ""
    return f"there are {', '.join(dataset.classes[:_NAMED])}{more}"
