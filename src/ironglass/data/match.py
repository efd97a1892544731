"""Classes are matched by name, never by position."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.data.wordnet import imagenet_places
from ironglass.errors import InputError


def match_classes(dataset: Dataset, classes: Sequence[str], names: Mapping[str, str] | None = None) -> Dataset:
    """The data set with its labels counted in `classes`, a model's own list.

    Names match to the letter, however its accent is stored, or else with spaces, underscores and hyphens taken for one
    ("great_white_shark", "great white shark"); case counts, since ImageNet has a Cardigan and a cardigan. Folders named
    by WordNet ids match the model that has ImageNet's 1,000 classes. names: the model's name for each class of the data
    that goes by another; both must exist. The data may have fewer classes than the model. Raises InputError, naming it,
    for a class that has images and that the model lacks.
    """
    if names:
        dataset = _renamed(dataset, classes, names)
    if dataset.classes == tuple(classes):
        return dataset
    table = class_places(dataset.classes, classes)
    used = np.unique(np.concatenate([split.labels for split in dataset.splits.values()]))
    if missing := [dataset.classes[i] for i in used if table[i] < 0]:
        raise InputError(
            f"the model knows {len(classes)} classes and {dataset.name} has {len(dataset.classes)}; the model lacks"
            f" {missing[0]!r}: train it on this data, name data with the model's classes (or by --class-map"
            " DATA=MODEL), or keep some with --only"
        )
    if len(np.unique(table[used])) < len(used):
        raise InputError(f"two classes of {dataset.name} go by one name of the model's: name them as the model does")
    splits = {name: replace(split, labels=table[split.labels]) for name, split in dataset.splits.items()}
    return replace(dataset, splits=splits, classes=tuple(classes))


def _renamed(dataset: Dataset, classes: Sequence[str], names: Mapping[str, str]) -> Dataset:
    """The data set with classes called as the model calls them; two of them may become one."""
    for of, known, name in (("data", dataset.classes, names.keys()), ("model", classes, names.values())):
        if unknown := [one for one in name if one not in known]:
            few = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
            raise InputError(f"class_map names {unknown[0]!r}, which is no class of the {of}: it has {few}")
    called = [names.get(name, name) for name in dataset.classes]
    kept = tuple(dict.fromkeys(called))
    table = np.array([kept.index(name) for name in called], dtype=np.int64)
    splits = {name: replace(split, labels=table[split.labels]) for name, split in dataset.splits.items()}
    return replace(dataset, splits=splits, classes=kept)


def class_places(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Index of each name in the model's list, int64, −1 where it does not."""
    exact = {name: i for i, name in enumerate(classes)}
    loose = {spoken(name): i for i, name in enumerate(classes)}
    if len(loose) < len(exact):
        loose = {}  # the model itself tells such names apart
    table = np.array([exact.get(name, loose.get(spoken(name), -1)) for name in names], dtype=np.int64)
    return table if (table >= 0).any() else imagenet_places(names, classes)


def spoken(name: str) -> str:
    """The name with spaces, underscores and hyphens taken for one, and each accent with its letter."""
    return unicodedata.normalize("NFC", name).replace("_", " ").replace("-", " ")
