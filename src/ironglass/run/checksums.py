"""Checksums of a run folder's files, which reveal truncated, corrupted and edited files."""

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

    A line is added before its file is moved into place. A file without one is not ours, or the line was lost: either
    way it is made again. A file that is rewritten gets another line, and is sound if it matches any of them: a process
    killed in between leaves the old file, and the next `settle` keeps the line that matches. Several processes may add
    lines concurrently.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / NAME

    @property
    def exists(self) -> bool:
        """True if the folder has a list: folders of older versions have none, and are not checked."""
        return self.path.is_file()

    def start(self) -> None:
        """Writes an empty list, in a new folder."""
        with atomic(self.path) as path:
            path.touch()

    def note(self, files: Mapping[str, str]) -> None:
        """Adds the digests of files, by name within the folder, in one write; no effect without a list."""
        if not self.exists or not files:
            return
        text = "".join(f"{value}  {name}\n" for name, value in files.items()).encode()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))
        try:
            with flocked(descriptor):
                size = os.fstat(descriptor).st_size
                if size and os.pread(descriptor, 1, size - 1) != b"\n":
                    text = b"\n" + text  # a process was killed within the last line
                while text:
                    text = text[os.write(descriptor, text) :]
        finally:
            os.close(descriptor)

    def read(self) -> dict[str, list[str]]:
        """The digests of each file, the latest last; files in the order of their latest lines."""
        digests: dict[str, list[str]] = {}
        for line in (read_text(self.path) or "").splitlines():
            match = LINE.fullmatch(line)
            if match is None or not _inside(match[2]):
                continue  # truncated by a kill; the file that it named is made again
            digests[match[2]] = [*digests.pop(match[2], []), match[1]]
        return digests

    def state(self, name: str, digests: Mapping[str, list[str]]) -> State:
        """State of a file compared with its digests. digests: as returned by `read`."""
        path = self.folder / name
        if name not in digests:
            return "unlisted"
        if not path.is_file():
            return "changed" if path.exists() or path.is_symlink() else "missing"
        try:
            return "sound" if digest(path) in digests[name] else "changed"
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from error

    def tidy(self) -> None:
        """Removes outdated lines and those of missing files. Only while no other process uses the folder."""
        digests = self.read()
        lines = [f"{values[-1]}  {name}\n" for name, values in digests.items() if (self.folder / name).is_file()]
        with atomic(self.path) as path:
            path.write_text("".join(lines), encoding="utf-8")

    def settle(self, states: Mapping[str, State], digests: Mapping[str, list[str]]) -> None:
        """Rewrites the list with one line per sound file. Only while no other process uses the folder."""
        lines = [f"{digest(self.folder / name)}  {name}\n" for name in digests if states.get(name) == "sound"]
        with atomic(self.path) as path:
            path.write_text("".join(lines), encoding="utf-8")


def _inside(name: str) -> bool:
    """Returns whether the name is that of a file within the folder: the list is untrusted."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name
