"""Class names that a training script kept beside the weights."""

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
_AROUND = ("hyper_parameters", "hparams", "config", "cfg", "args", "meta", "metadata")
_LAST = 4
"""Tensors at the end of a state, of which the head's weights are some."""


def named_classes(value: Any, states: Iterable[Mapping[str, Tensor]]) -> tuple[str, ...]:
    """The names of a checkpoint's outputs in their order, as `class_to_idx` or `classes` gives them, at the top or in
    its settings; () where nothing gives them, or two entries contradict each other.

    Taken are only distinct names for all positions from 0 on, as many as one of a state's last tensors has rows.
    """
    around = [value, *(value.get(name) for name in _AROUND)] if isinstance(value, dict) else []
    entries = [vars(one) if isinstance(one, argparse.Namespace) else one for one in around]
    last = [tensor for state in states for tensor in [one for one in state.values() if one.ndim][-_LAST:]]
    rows = {len(tensor) for tensor in last}
    found = {names for entry in entries if isinstance(entry, dict) for names in _in_entry(entry) if len(names) in rows}
    return found.pop() if len(found) == 1 else ()


def _in_entry(entry: Mapping[Any, Any]) -> Iterable[tuple[str, ...]]:
    for key, held in entry.items():
        if key in _POSITIONS and isinstance(held, Mapping):
            yield from _ordered({position: name for name, position in held.items()}, len(held))
        elif key in _NAMES and isinstance(held, Mapping):
            yield from _ordered(held, len(held))
        elif key in _NAMES and isinstance(held, list | tuple):
            yield from _ordered(dict(enumerate(held)), len(held))


def _ordered(held: Mapping[Any, Any], n: int) -> Iterable[tuple[str, ...]]:
    """The names by position, once, where they are complete and distinct."""
    by_position = {int(at) if isinstance(at, str) and at.isdecimal() else at: name for at, name in held.items()}
    if n < 2 or any(isinstance(at, bool) for at in held) or set(by_position) != set(range(n)):
        return
    names = [by_position[at] for at in range(n)]
    if all(isinstance(name, str | int) and not isinstance(name, bool) for name in names):
        called = tuple(printable(str(name)) for name in names)
        if len(set(called)) == n and all(called):
            yield called
