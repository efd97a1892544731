"""Files below a folder, in sorted order; links are followed, but never in circles."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ironglass.data.decoding.decode import SUFFIXES
from ironglass.data.files.archive import RECORD
from ironglass.data.files.plain import open_plain, printable
from ironglass.errors import InputError

_HIDDEN = (".", "__MACOSX")
_MAX_REVISITS = 1000  # folders reached a second time, over links, before this is taken for a knot
_SAMPLED = 16  # files of which stamps hold some of the contents
_END = 4096  # bytes of each end


@dataclass(frozen=True)
class FilesBelow:
    """The files below a folder: images by their suffix, others, and what is hidden, a hidden folder as a whole."""

    images: list[Path]
    others: list[Path]
    hidden: list[Path]

    def left_out(self, root: Path, used: frozenset[Path] = frozenset()) -> tuple[tuple[str, str], ...]:
        """(name, reason) of every file that is no image by its name and not `used`, and of all that is hidden."""
        reasons = [(path, "no image by its name") for path in self.others if path not in used]
        reasons += [(path, "hidden") for path in self.hidden if path != root / RECORD]  # which is our own
        return tuple((printable(path.relative_to(root).as_posix()), reason) for path, reason in reasons)

    def note(self, root: Path, used: frozenset[Path] = frozenset()) -> tuple[str, ...]:
        """One sentence on the files that are no images by their names and not `used`; none where there are none."""
        unused = [path for path in self.others if path not in used]
        if not unused:
            return ()
        kinds = Counter(path.suffix.lower() or "no suffix" for path in unused)
        counts_text = ", ".join(f"{n:,} {printable(kind)[:20]}" for kind, n in kinds.most_common(5))
        first = printable(unused[0].relative_to(root).as_posix())[:200]
        return (f"left out {len(unused):,} files that are no images by their names ({counts_text}), as {first}",)


def below(path: Path) -> FilesBelow:
    """Every file below `path`, however deep. Raises InputError where a folder cannot be read."""
    images: list[Path] = []
    others: list[Path] = []
    hidden: list[Path] = []
    for file in _walk(path, hidden):
        (images if file.name.lower().endswith(SUFFIXES) else others).append(file)
    return FilesBelow(images, others, hidden)


def images_under(path: Path) -> Iterator[Path]:
    """Every image file below `path`, told by its suffix, in sorted order; hidden ones are left out."""
    return (file for file in _walk(path) if file.name.lower().endswith(SUFFIXES))


def visible(path: Path, hidden: list[Path] | None = None) -> list[os.DirEntry[str]]:
    """Entries of the folder, hidden ones and those of macOS's archiver aside, sorted by name.

    hidden: takes what is put aside.
    """
    try:
        with os.scandir(path) as entries:
            entries_sorted = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"cannot read the folder {printable(path)}: {error.strerror}") from error
    if hidden is not None:
        hidden += [Path(entry.path) for entry in entries_sorted if entry.name.startswith(_HIDDEN)]
    return [entry for entry in entries_sorted if not entry.name.startswith(_HIDDEN)]


def folders(path: Path) -> list[Path]:
    """The folders that the folder holds, sorted by name.

    Raises InputError for a link that leads nowhere, unless its name is an image's: a class would be missing.
    """
    paths = []
    for entry in visible(path):
        if _is_folder(entry):
            paths.append(Path(entry.path))
        elif entry.is_symlink() and not entry.name.lower().endswith(SUFFIXES) and not Path(entry.path).exists():
            raise InputError(f"{printable(entry.path)} is a broken link: mend or remove it")
    return paths


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in a circle
        return False


def _identity(path: str | Path) -> tuple[int, int]:
    state = Path(path).stat()
    return state.st_dev, state.st_ino


def _walk(path: Path, hidden: list[Path] | None = None) -> Iterator[Path]:
    try:
        ancestors = [_identity(path)]
    except OSError as error:
        raise InputError(f"cannot read the folder {printable(path)}: {error.strerror}") from error
    visited, revisits = set(ancestors), 0
    waiting = [iter(visible(path, hidden))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            ancestors.pop()
        elif not _is_folder(entry):
            yield Path(entry.path)
        elif (identity := _identity(entry.path)) not in ancestors:  # a link to a folder above would never end
            revisits += identity in visited
            if revisits > _MAX_REVISITS:
                raise InputError(f"links below {printable(path)} lead to the same folders over and over: remove some")
            visited.add(identity)
            ancestors.append(identity)
            waiting.append(iter(visible(Path(entry.path), hidden)))


def stamps(files: Sequence[Path], root: Path) -> list:
    """[relative path, bytes, time of last change in ns] of each file, and a digest of both ends of a few, among them
    tables and shards: changes whenever a file does.

    The digest tells apart what dates and sizes do not: uncompressed images, or two states of a table, out of archives
    that give every file one date.
    """
    sampled = [files[i * (len(files) - 1) // (_SAMPLED - 1)] for i in range(_SAMPLED)] if files else []
    tables = [path for path in files if not path.name.lower().endswith(SUFFIXES)][:_SAMPLED]
    digest = hashlib.blake2b(digest_size=16)
    for path in dict.fromkeys((*sampled, *tables)):
        digest.update(_ends(path))
    return [*([path.relative_to(root).as_posix(), *_stamp(path)] for path in files), digest.hexdigest()]


def _ends(path: Path) -> bytes:
    try:
        with open_plain(path) as file:
            first = file.read(_END)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _END))
            return first + file.read(_END)
    except (OSError, ValueError):  # as in `_stamp`, or no plain file
        return b""


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except (OSError, ValueError):  # a broken link, or gone; a NUL in its name
        return -1, -1
    return state.st_size, state.st_mtime_ns
