"""Members of a .tar archive; truncated and damaged archives are refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MIB = 2**20
_MAX_TRAILING = 64 * _MIB  # zeros that may follow the end


@dataclass(frozen=True)
class TarMember:
    """One member: special where it is neither a plain file nor a folder; open is None for a folder."""

    name: str
    special: bool
    open: Callable[[], Any] | None


def tar_members(archive: Path) -> Iterator[TarMember]:
    """All members in order, each to be read before the next.

    Raises tarfile.ReadError where the archive breaks off, a header is damaged, or more than zeros follows its end;
    else whatever the library raises at such bytes.
    """
    with _opened(archive) as raw, tarfile.TarFile(fileobj=_Measured(raw)) as file:  # type: ignore[arg-type]
        for info in file:
            special = not (info.isreg() or info.isdir()) or info.issparse()
            if info.size < 0:
                raise tarfile.ReadError(f"{info.name!r} is said to have {info.size} bytes")
            yield TarMember(info.name, special, (lambda info=info: file.extractfile(info)) if info.isreg() else None)
        _check_end(raw, file.offset)


def _opened(archive: Path) -> Any:
    with archive.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(archive)
    if start.startswith(b"BZh"):
        return bz2.open(archive)
    if start.startswith(b"\xfd7zXZ\0"):
        return lzma.open(archive)
    return archive.open("rb")


class _Measured:
    """A file of which no more than 1 MiB is read at once: tarfile reads headers whole, whatever size they claim."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.tell, self.seek = file.tell, file.seek

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _MIB:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        return self._file.read(size)


def _check_end(raw: Any, offset: int) -> None:
    """tarfile takes any broken header, and the end of the file, for the end of the archive; a block of zeros is it."""
    raw.seek(offset)
    block = raw.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it is cut short: its end is missing")
    if block.strip(b"\0"):
        raise tarfile.ReadError(f"the header at byte {offset:,} is damaged")
    trailing = 0
    while block := raw.read(_MIB):  # to the very end: only there do gzip and xz compare their checksums
        trailing += len(block)
        if block.strip(b"\0") or trailing > _MAX_TRAILING:
            raise tarfile.ReadError("more follows its end: it is damaged, or several archives in one")
