"""Images of the very same pixels, in several splits or under several classes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Twins:
    """Images that were met before, by the hash of their pixels."""

    _first: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    _across: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _torn: list[str] = field(default_factory=list)

    def note(self, split: str, label: int, name: str, pixels: np.ndarray) -> None:
        """Takes down one image, pixels (h, w, c)."""
        before = self._first.setdefault(hash(pixels.tobytes()), (split, label, name))
        if before[2] == name and before[0] == split:
            return
        if before[1] != label:
            self._torn.append(f"{before[2]} and {name}")
        elif before[0] != split:
            self._across.setdefault((split, before[0]), []).append(f"{name} and {before[2]}")

    def sentences(self) -> list[str]:
        """Sentences for the user."""
        said = [
            f"{len(pairs):,} images of {split} have the very pixels of images of {before}, as {pairs[0]}: what is"
            " learnt by heart there counts as right here"
            for (split, before), pairs in self._across.items()
        ]
        if self._torn:
            said.append(f"{len(self._torn):,} images have the pixels of one of another class, as {self._torn[0]}")
        return said
