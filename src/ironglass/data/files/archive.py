"""Unpacking of untrusted archives."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironglass.data.cache.store import building, writing
from ironglass.data.files.plain import check_plain, printable
from ironglass.data.files.tar import TarMember, tar_members
from ironglass.errors import InputError

_MIB = 2**20
RECORD = ".unpacked.json"
"""File in an unpacked folder that records its number of files and bytes."""
_NAME_ERRORS = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EILSEQ, errno.EINVAL)


@dataclass(frozen=True)
class _Member:
    name: str
    packed: int | None  # bytes; a tar file's members have none of their own
    open: Callable[[], Any] | None  # None: a folder


def is_archive(path: Path) -> bool:
    """Returns whether the name ends like that of a .zip or .tar archive."""
    return path.name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"))


def unpack(
    archive: Path, folder: Path, *, max_files: int = 500_000, max_bytes: int = 20 * 2**30, max_ratio: int = 200
) -> None:
    """Unpacks a .zip or .tar archive of plain files into `folder`, which appears whole or not at all.

    Raises InputError for links, devices, encrypted or duplicate files, names that lead out of the folder, more than
    `max_files` files and folders or `max_bytes` bytes, files over 1 MiB that grow more than `max_ratio` times, and an
    archive that is damaged or cut short anywhere. Bytes are counted as they are written, whatever the archive claims.
    """
    check_plain(archive)
    archive_bytes = archive.stat().st_size
    with building(folder) as temporary:
        written, count, names = 0, 0, set()
        for member in _read(archive, _members(archive)):
            count += 1
            if count > max_files:
                raise InputError(f"{printable(archive)} has more than {max_files:,} files: unpack it by hand")
            if member.open is None:
                continue
            relative = _relative(member.name, archive)
            if relative in names:
                raise InputError(f"{printable(archive)} has {_quoted(member.name)} twice: pack it anew")
            names.add(relative)
            if member.packed is not None:
                limit = max(_MIB, max_ratio * member.packed)
            else:
                limit = max(_MIB, max_ratio * archive_bytes - written)
            with _reading(archive):
                source = member.open()
            written += _write(source, temporary / relative, min(limit, max_bytes - written), archive, member.name)
        if not names:
            raise InputError(f"{printable(archive)} holds no files: pack it anew")
        with writing(temporary / RECORD):
            (temporary / RECORD).write_text(json.dumps(_measured(temporary)))


def is_unpacked(folder: Path) -> bool:
    """Returns whether `folder` still holds all that `unpack` put there: a cache is cleaned by others, file by file."""
    try:
        return json.loads((folder / RECORD).read_text("utf-8")) == list(_measured(folder))
    except (OSError, ValueError):
        return False


def _measured(folder: Path) -> tuple[int, int]:
    """Number of files below the folder, and of their bytes together."""
    files = [Path(top) / name for top, _, names in os.walk(folder) for name in names]
    files = [file for file in files if file != folder / RECORD]
    return len(files), sum(file.lstat().st_size for file in files)


def _write(source: Any, path: Path, limit: int, archive: Path, name: str) -> int:
    written = 0
    with _naming(archive, name), writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.open("xb")
    try:
        while True:
            with _reading(archive):
                block = source.read(_MIB)
            if not block:
                break
            written += len(block)
            if written > limit:
                raise InputError(f"{printable(archive)} grows beyond all measure at {_quoted(name)}: unpack it by hand")
            with writing(path):
                target.write(block)
    finally:
        with writing(path):
            target.close()
    return written


@contextmanager
def _naming(archive: Path, name: str) -> Iterator[None]:
    """A name that no file can bear, or that another member bears as a folder, is the archive's fault."""
    try:
        yield
    except InputError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _NAME_ERRORS:
            raise InputError(
                f"cannot unpack {_quoted(name)} of {printable(archive)}: {cause.strerror}; pack it anew"
            ) from cause
        raise
    except UnicodeError as error:
        raise InputError(f"cannot unpack {_quoted(name)} of {printable(archive)}: no name of a file") from error


@contextmanager
def _reading(archive: Path) -> Iterator[None]:
    """Turns any exception of the libraries, on untrusted bytes, into an InputError."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = printable(str(error) or type(error).__name__)[:200]
        raise InputError(f"{printable(archive)} is damaged, cut short, encrypted or no archive: {reason}") from error


def _read(archive: Path, members: Iterator[_Member]) -> Iterator[_Member]:
    while True:
        with _reading(archive):
            member = next(members, None)
        if member is None:
            return
        yield member


def _relative(name: str, archive: Path) -> Path:
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or "\0" in name or re.match(r"[A-Za-z]:", name):
        raise InputError(
            f"{printable(archive)} has {_quoted(name)}, which leads out of the folder: do not trust this archive"
        )
    path = Path(*parts)
    if not path.parts:
        raise InputError(f"{printable(archive)} has a file without a name: pack it anew")
    return path


def _quoted(name: str) -> str:
    name = printable(name)
    return repr(name if len(name) <= 200 else f"{name[:200]}…")


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _zipped(archive)
    else:
        yield from (_Member(member.name, None, member.open) for member in _tarred(archive))


def _zipped(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(
                    f"{printable(archive)} has {_quoted(info.filename)}, a link or device: pack plain files only"
                )
            if info.flag_bits & 1:
                raise InputError(
                    f"{printable(archive)} is encrypted at {_quoted(info.filename)}: pack it without a password"
                )
            if info.is_dir():
                yield _Member(info.orig_filename, None, None)
            else:
                yield _Member(info.orig_filename, info.compress_size, lambda info=info: file.open(info))


def _tarred(archive: Path) -> Iterator[TarMember]:
    for member in tar_members(archive):
        if member.special:
            raise InputError(
                f"{printable(archive)} has {_quoted(member.name)}, a link or device: pack plain files only"
            )
        yield member
