"""Files referenced by a table."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from pathlib import Path

from ironglass.data.decoding.decode import SUFFIXES
from ironglass.data.sources.walk import FilesBelow, folders, visible


class NamedFiles:
    """Lookup of files below the root by the names that a table gives them."""

    def __init__(self, root: Path, files_below: FilesBelow | None) -> None:
        self.root, self._files_below = root, files_below
        self._image_set = None if files_below is None else set(files_below.images)
        self._named: dict[str, list[Path]] | None = None
        self._by_normalised_path: dict[str, list[Path]] | None = None

    def exists(self, path: Path) -> bool:
        """Returns whether there is anything at `path`, a broken link too."""
        return (self._image_set is not None and path in self._image_set) or os.path.lexists(path)

    def named(self, name: str) -> list[Path]:
        """The images of this file name, with or without suffix, wherever they lie."""
        if self._named is None:
            self._named = defaultdict(list)
            for path in self._images():
                for key in {path.name, path.stem}:
                    self._named[key].append(path)
        return self._named.get(name, [])

    def similar(self, path: Path) -> list[Path]:
        """The images whose path differs from `path` by capitals, or by how its accents are stored, alone."""
        if self._by_normalised_path is None:
            self._by_normalised_path = defaultdict(list)
            for image in self._images():
                self._by_normalised_path[_normalised(image)].append(image)
        return self._by_normalised_path.get(_normalised(path), [])

    def _images(self) -> list[Path]:
        return self._files_below.images if self._files_below else self._near()

    def _near(self) -> list[Path]:
        searched = [self.root, *folders(self.root)]
        entries = [entry for searched_folder in searched for entry in visible(searched_folder)]
        return [Path(entry.path) for entry in entries if entry.name.lower().endswith(SUFFIXES)]


def _normalised(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
