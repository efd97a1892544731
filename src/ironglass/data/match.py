"""Matching of classes by name, never by index."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.data.wordnet import imagenet_indices
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
    table = class_indices(dataset.classes, classes)
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
    """The data set with its classes renamed to the model's; two of them may be merged."""
    for owner, available, name in (("data", dataset.classes, names.keys()), ("model", classes, names.values())):
        if unknown := [entry for entry in name if entry not in available]:
            listed = ", ".join(available[:8]) + (", ..." if len(available) > 8 else "")
            raise InputError(f"class_map names {unknown[0]!r}, which is no class of the {owner}: it has {listed}")
    new_names = [names.get(name, name) for name in dataset.classes]
    merged = tuple(dict.fromkeys(new_names))
    table = np.array([merged.index(name) for name in new_names], dtype=np.int64)
    splits = {name: replace(split, labels=table[split.labels]) for name, split in dataset.splits.items()}
    return replace(dataset, splits=splits, classes=merged)


def class_indices(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Index of each name in the model's list, int64, −1 where it does not."""
    exact = {name: i for i, name in enumerate(classes)}
    loose = {normalised_name(name): i for i, name in enumerate(classes)}
    if len(loose) < len(exact):
        loose = {}  # the model itself tells such names apart
    table = np.array([exact.get(name, loose.get(normalised_name(name), -1)) for name in names], dtype=np.int64)
    return table if (table >= 0).any() else imagenet_indices(names, classes)


def normalised_name(name: str) -> str:
    """The name with spaces, underscores and hyphens taken for one, and each accent with its letter."""
    return unicodedata.normalize("NFC", name).replace("_", " ").replace("-", " ")
