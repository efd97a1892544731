"""Readable names for WordNet ids, which name ImageNet's classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np


def words_of(classes: Sequence[str]) -> dict[str, str]:
    """Each id's first word, "goldfish" for "n01443537", from the list that timm brings along; nothing is fetched.

    Empty where a class is no WordNet id or timm does not know it. Ids whose first words are the same keep theirs behind
    the word.
    """
    if not _are_ids(classes):
        return {}
    try:
        words = {name: _imagenet_info("imagenet-22k").label_name_to_description(name).split(",")[0] for name in classes}
    except KeyError:
        return {}
    all_words = list(words.values())
    return {name: word if all_words.count(word) == 1 else f"{word} ({name})" for name, word in words.items()}


def imagenet_indices(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Index of each WordNet id among `classes` that are ImageNet's 1,000 in their order, int64; −1 where it does
    not, and everywhere where the names are no ids or the classes are other ones.
    """
    no_match = np.full(len(names), -1, dtype=np.int64)
    if len(classes) != 1000 or not _are_ids(names):
        return no_match
    imagenet = _imagenet_info("imagenet-1k")
    words = [imagenet.index_to_description(i).partition(",")[0] for i in range(1000)]
    matches = sum(word.casefold() in name.casefold() for word, name in zip(words, classes, strict=True))
    if matches < _MIN_MATCHES:
        return no_match
    order = {name: i for i, name in enumerate(imagenet.label_names())}
    return np.array([order.get(name, -1) for name in names], dtype=np.int64)


_MIN_MATCHES = 900  # of 1,000: publishers word some classes in their own way


def _are_ids(names: Sequence[str]) -> bool:
    return bool(names) and all(re.fullmatch(r"n\d{8}", name) for name in names)


@cache
def _imagenet_info(subset: str) -> Any:
    from timm.data.imagenet_info import ImageNetInfo  # late: it takes seconds

    return ImageNetInfo(subset)
