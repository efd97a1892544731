"""Classes are matched by name, never by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError


def match_classes(dataset: Dataset, classes: Sequence[str]) -> Dataset:
    """The data set with its labels counted in `classes`, a model's own list.

    The data may have fewer classes than the model. Raises InputError, naming it, for a class that the model lacks.
    """
    if dataset.classes == tuple(classes):
        return dataset
    position = {name: i for i, name in enumerate(classes)}
    if missing := [name for name in dataset.classes if name not in position]:
        raise InputError(
            f"the model knows {len(classes)} classes and {dataset.name} has {len(dataset.classes)}; the model lacks"
            f" {missing[0]!r}: train it on this data, or name data with the model's classes"
        )
    table = np.array([position[name] for name in dataset.classes])
    splits = {name: replace(split, labels=table[split.labels]) for name, split in dataset.splits.items()}
    return replace(dataset, splits=splits, classes=tuple(classes))
