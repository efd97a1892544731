"""Words for WordNet ids, which name ImageNet's classes and say nothing to a reader."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any


def words_of(classes: Sequence[str]) -> dict[str, str]:
    """Each id's first word, "goldfish" for "n01443537", from the list that timm brings along; nothing is fetched.

    Empty where a class is no WordNet id or timm does not know it. Ids whose first words are the same keep theirs behind
    the word.
    """
    if not classes or not all(re.fullmatch(r"n\d{8}", name) for name in classes):
        return {}
    try:
        words = {name: _known().label_name_to_description(name).split(",")[0] for name in classes}
    except KeyError:
        return {}
    found = list(words.values())
    return {name: word if found.count(word) == 1 else f"{word} ({name})" for name, word in words.items()}


@cache
def _known() -> Any:
    from timm.data.imagenet_info import ImageNetInfo  # late: it takes seconds

    return ImageNetInfo("imagenet-22k")
