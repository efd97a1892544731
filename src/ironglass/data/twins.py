"""Exact duplicates of images, across splits or classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Twins:
    """Index of images by the hash of their pixels, which finds duplicates."""

    _first: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    _across: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _torn: list[str] = field(default_factory=list)

    def note(self, split: str, label: int, name: str, pixels: np.ndarray) -> None:
        """Records one image, pixels (h, w, c)."""
        earlier = self._first.setdefault(hash(pixels.tobytes()), (split, label, name))
        if earlier[2] == name and earlier[0] == split:
            return
        if earlier[1] != label:
            self._torn.append(f"{earlier[2]} and {name}")
        elif earlier[0] != split:
            self._across.setdefault((split, earlier[0]), []).append(f"{name} and {earlier[2]}")

    def sentences(self) -> list[str]:
        """Sentences for the user."""
        sentences = [
            f"{len(pairs):,} images of {split} have the very pixels of images of {other_split}, as {pairs[0]}: what is"
            " learnt by heart there counts as right here"
            for (split, other_split), pairs in self._across.items()
        ]
        if self._torn:
            sentences.append(f"{len(self._torn):,} images have the pixels of one of another class, as {self._torn[0]}")
        return sentences
