"""Class names that a training script stored in the checkpoint."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

from ironglass.data.files.plain import printable

_POSITIONS = ("class_to_idx", "class_to_index", "class2idx", "label_to_idx", "label2idx", "label2id", "cls_to_idx")
_NAMES = (
    *("idx_to_class", "index_to_class", "idx2class", "idx_to_label", "idx2label", "id2label"),
    *("classes", "class_names", "classnames", "label_names", "labels", "categories", "names"),
)
_CONTAINERS = ("hyper_parameters", "hparams", "config", "cfg", "args", "meta", "metadata")
_LAST_TENSORS = 4
"""Tensors at the end of a state, of which the head's weights are some."""


def named_classes(value: Any, states: Iterable[Mapping[str, Tensor]]) -> tuple[str, ...]:
    """The names of a checkpoint's outputs in their order, as `class_to_idx` or `classes` gives them, at the top or in
    its settings; () where nothing gives them, or two entries contradict each other.

    Taken are only distinct names for all positions from 0 on, as many as one of a state's last tensors has rows.
    """
    containers = [value, *(value.get(name) for name in _CONTAINERS)] if isinstance(value, dict) else []
    entries = [vars(item) if isinstance(item, argparse.Namespace) else item for item in containers]
    last_tensors = [
        tensor for state in states for tensor in [item for item in state.values() if item.ndim][-_LAST_TENSORS:]
    ]
    rows = {len(tensor) for tensor in last_tensors}
    candidates = {
        names for entry in entries if isinstance(entry, dict) for names in _in_entry(entry) if len(names) in rows
    }
    return candidates.pop() if len(candidates) == 1 else ()


def _in_entry(entry: Mapping[Any, Any]) -> Iterable[tuple[str, ...]]:
    for key, value in entry.items():
        if key in _POSITIONS and isinstance(value, Mapping):
            yield from _ordered({position: name for name, position in value.items()}, len(value))
        elif key in _NAMES and isinstance(value, Mapping):
            yield from _ordered(value, len(value))
        elif key in _NAMES and isinstance(value, list | tuple):
            yield from _ordered(dict(enumerate(value)), len(value))


def _ordered(names_by_key: Mapping[Any, Any], n: int) -> Iterable[tuple[str, ...]]:
    """The names by position, once, where they are complete and distinct."""
    by_index = {
        int(index) if isinstance(index, str) and index.isdecimal() else index: name
        for index, name in names_by_key.items()
    }
    if n < 2 or any(isinstance(index, bool) for index in names_by_key) or set(by_index) != set(range(n)):
        return
    names = [by_index[index] for index in range(n)]
    if all(isinstance(name, str | int) and not isinstance(name, bool) for name in names):
        labels = tuple(printable(str(name)) for name in names)
        if len(set(labels)) == n and all(labels):
            yield labels
