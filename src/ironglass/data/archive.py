"""Archives from strangers, unpacked without trusting anything they say."""

from __future__ import annotations

import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironglass.data.cache import building
from ironglass.errors import InputError

_MIB = 2**20
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    NotImplementedError,
)


@dataclass(frozen=True)
class _Member:
    name: str
    packed: int | None  # bytes; a tar file's members have none of their own
    open: Callable[[], Any]


def is_archive(path: Path) -> bool:
    """Whether the name ends like that of a .zip or .tar archive."""
    return path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"))


def unpack(
    archive: Path, folder: Path, *, max_files: int = 500_000, max_bytes: int = 20 * 2**30, max_ratio: int = 200
) -> None:
    """Unpacks a .zip or .tar archive of plain files into `folder`, which appears whole or not at all.

    Raises InputError for links, devices, encrypted or duplicate files, names that lead out of the folder, more than
    `max_files` files or `max_bytes` bytes, and files over 1 MiB that grow more than `max_ratio` times. Bytes are
    counted as they are written, whatever the archive claims.
    """
    try:
        with building(folder) as temporary:
            written, names = 0, set()
            for member in _members(archive):
                path = temporary / _relative(member.name, archive)
                if member.name in names:
                    raise InputError(f"{archive} has {member.name!r} twice: pack it anew")
                names.add(member.name)
                if len(names) > max_files:
                    raise InputError(f"{archive} has more than {max_files:,} files: unpack it by hand")
                path.parent.mkdir(parents=True, exist_ok=True)
                room = max_bytes - written
                if member.packed is not None:
                    room = min(room, max(_MIB, max_ratio * member.packed))
                else:
                    room = min(room, max(_MIB, max_ratio * archive.stat().st_size - written))
                written += _write(member, path, room, archive)
    except _DAMAGED as error:
        raise InputError(f"{archive} is damaged, encrypted or no archive: {error}") from error
    except OSError as error:
        raise InputError(f"cannot unpack {archive} into {folder}: {error.strerror or error}") from error


def _write(member: _Member, path: Path, room: int, archive: Path) -> int:
    written = 0
    with member.open() as source, path.open("xb") as target:
        while block := source.read(_MIB):
            written += len(block)
            if written > room:
                raise InputError(f"{archive} grows beyond all measure at {member.name!r}: unpack it by hand")
            target.write(block)
    return written


def _relative(name: str, archive: Path) -> Path:
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or "\0" in name or re.match(r"[A-Za-z]:", name):
        raise InputError(f"{archive} has {name!r}, which leads out of the folder: do not trust this archive")
    return Path(*parts)


def _members(archive: Path) -> Iterator[_Member]:
    yield from _zipped(archive) if zipfile.is_zipfile(archive) else _tarred(archive)


def _zipped(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(f"{archive} has {info.filename!r}, a link or device: pack plain files only")
            if info.flag_bits & 1:
                raise InputError(f"{archive} is encrypted at {info.filename!r}: pack it without a password")
            if not info.is_dir():
                yield _Member(info.orig_filename, info.compress_size, lambda info=info: file.open(info))


def _tarred(archive: Path) -> Iterator[_Member]:
    with tarfile.open(archive) as file:
        for info in file:
            if not (info.isreg() or info.isdir()) or info.issparse():
                raise InputError(f"{archive} has {info.name!r}, a link or device: pack plain files only")
            if info.isreg():
                yield _Member(info.name, None, lambda info=info: file.extractfile(info))
