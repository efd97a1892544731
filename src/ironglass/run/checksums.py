"""The checksums of a run folder's files, by which a file that was cut, flipped or edited is found."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Literal

from ironglass.errors import InputError
from ironglass.run.files import atomic, read_text
from ironglass.run.lock import flocked

NAME = "checksums.b2"
LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
State = Literal["sound", "changed", "missing", "unlisted"]


def digest(path: Path) -> str:
    """BLAKE2b of a file's bytes, 256 bits in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


class Checksums:
    """`checksums.b2` of a run folder, in the format of b2sum: `b2sum -l 256 --check checksums.b2`.

    A line is added before its file takes its place, so that a file without one is none of ours, or the line was lost:
    either way it is made anew. A file that is written again has a further line, and is sound if it fits any: a process
    that was killed in between leaves the old file, and the next sitting's `settle` keeps the line that fits. Several
    processes may add lines at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME

    @property
    def kept(self) -> bool:
        """Returns whether there is such a file: the folders of older versions have none, and are not checked."""
        return self.path.is_file()

    def start(self) -> None:
        """An empty list, in a folder that is new."""
        with atomic(self.path) as path:
            path.touch()

    def note(self, files: Mapping[str, str]) -> None:
        """Adds the digests of files, by name in the folder, in one step; does nothing where no list is kept."""
        if not self.kept or not files:
            return
        text = "".join(f"{value}  {name}\n" for name, value in files.items()).encode()
        place = os.open(self.path, os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
        try:
            with flocked(place):
                size = os.fstat(place).st_size
                if size and os.pread(place, 1, size - 1) != b"\n":
                    text = b"\n" + text  # a process was killed within the last line
                while text:
                    text = text[os.write(place, text) :]
        finally:
            os.close(place)

    def read(self) -> dict[str, list[str]]:
        """The digests of each file, the latest last; files in the order of their latest lines."""
        found: dict[str, list[str]] = {}
        for line in (read_text(self.path) or "").splitlines():
            match = LINE.fullmatch(line)
            if match is None or not _inside(match[2]):
                continue  # cut by a kill; a file that had been named here is made anew
            found[match[2]] = [*found.pop(match[2], []), match[1]]
        return found

    def state(self, name: str, known: Mapping[str, list[str]]) -> State:
        """Returns whether a file is as it was written. known: what `read` gave."""
        path = self.folder / name
        if name not in known:
            return "unlisted"
        if not path.is_file():
            return "changed" if path.exists() or path.is_symlink() else "missing"
        try:
            return "sound" if digest(path) in known[name] else "changed"
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error

    def tidy(self) -> None:
        """Drops the lines of files that were written again or are gone. Only for a process that is alone with them."""
        known = self.read()
        lines = [f"{values[-1]}  {name}\n" for name, values in known.items() if (self.folder / name).is_file()]
        with atomic(self.path) as path:
            path.write_text("".join(lines), encoding="utf-8")

    def settle(self, states: Mapping[str, State], known: Mapping[str, list[str]]) -> None:
        """Writes the list anew, a line a file that is sound. Only for a process that is alone with the folder."""
        lines = [f"{digest(self.folder / name)}  {name}\n" for name in known if states.get(name) == "sound"]
        with atomic(self.path) as path:
            path.write_text("".join(lines), encoding="utf-8")


def _inside(name: str) -> bool:
    """Returns whether the name is one of a file within the folder: a list may be anybody's."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name
