"""All that lies below a folder, in sorted order, links followed but never in circles."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ironglass.data.decode import SUFFIXES
from ironglass.data.files import printable
from ironglass.errors import InputError

_AGAIN = 1000  # folders reached a second time, over links, before this is taken for a knot


@dataclass(frozen=True)
class Below:
    """The files below a folder: images by their suffix, and others; hidden ones are in neither."""

    images: list[Path]
    others: list[Path]

    def note(self, root: Path, used: frozenset[Path] = frozenset()) -> tuple[str, ...]:
        """One sentence on the files that are no images by their names and not `used`; none where there are none."""
        unused = [path for path in self.others if path not in used]
        if not unused:
            return ()
        kinds = Counter(path.suffix.lower() or "no suffix" for path in unused)
        named = ", ".join(f"{n:,} {printable(kind)[:20]}" for kind, n in kinds.most_common(5))
        first = printable(unused[0].relative_to(root).as_posix())[:200]
        return (f"left out {len(unused):,} files that are no images by their names ({named}), as {first}",)


def below(path: Path) -> Below:
    """Every file below `path`, however deep. Raises InputError where a folder cannot be read."""
    images: list[Path] = []
    others: list[Path] = []
    for file in _walk(path):
        (images if file.name.lower().endswith(SUFFIXES) else others).append(file)
    return Below(images, others)


def images_under(path: Path) -> Iterator[Path]:
    """Every image file below `path`, told by its suffix, in sorted order; hidden ones are left out."""
    return (file for file in _walk(path) if file.name.lower().endswith(SUFFIXES))


def visible(path: Path) -> list[os.DirEntry[str]]:
    """What the folder holds, hidden entries and those of macOS's archiver aside, sorted by name."""
    try:
        with os.scandir(path) as entries:
            found = [entry for entry in entries if not entry.name.startswith((".", "__MACOSX"))]
        return sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"cannot read the folder {printable(path)}: {error.strerror}") from error


def folders(path: Path) -> list[Path]:
    """The folders that the folder holds, sorted by name.

    Raises InputError for a link that leads nowhere, unless its name is an image's: a class would be missing.
    """
    found = []
    for entry in visible(path):
        if _is_folder(entry):
            found.append(Path(entry.path))
        elif entry.is_symlink() and not entry.name.lower().endswith(SUFFIXES) and not Path(entry.path).exists():
            raise InputError(f"{printable(entry.path)} is a broken link: mend or remove it")
    return found


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _identity(path: str | Path) -> tuple[int, int]:
    state = Path(path).stat()
    return state.st_dev, state.st_ino


def _walk(path: Path) -> Iterator[Path]:
    try:
        above = [_identity(path)]
    except OSError as error:
        raise InputError(f"cannot read the folder {printable(path)}: {error.strerror}") from error
    seen, again = set(above), 0
    waiting = [iter(visible(path))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            above.pop()
        elif not _is_folder(entry):
            yield Path(entry.path)
        elif (identity := _identity(entry.path)) not in above:  # a link to a folder above would never end
            again += identity in seen
            if again > _AGAIN:
                raise InputError(f"links below {printable(path)} lead to the same folders over and over: remove some")
            seen.add(identity)
            above.append(identity)
            waiting.append(iter(visible(Path(entry.path))))


def stamps(files: Sequence[Path], root: Path) -> list:
    """[relative path, bytes, time of last change in ns] of each file: changes whenever a file does."""
    return [[path.relative_to(root).as_posix(), *_stamp(path)] for path in files]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except (OSError, ValueError):  # a broken link, or gone; a NUL in its name
        return -1, -1
    return state.st_size, state.st_mtime_ns
