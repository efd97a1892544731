"""Untrusted files: regular files only, within the folder of the data, with printable names."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from ironglass.errors import InputError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_plain(path: Path) -> BinaryIO:
    """The file at `path`, opened for reading; a pipe, socket or device is never opened, so that nothing waits on it.

    Raises OSError, its reason in `strerror`, where it is no plain file, a link leads nowhere or in a circle, or it
    cannot be read.
    """
    _check_plain(os.stat, path)
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check_plain(os.fstat, handle)  # it may have been another one a moment ago
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def check_plain(path: Path) -> None:
    """Raises InputError where there is no plain file at `path`, by the reason."""
    try:
        _check_plain(os.stat, path)
    except OSError as error:
        raise InputError(f"cannot read {printable(path)}: {error.strerror}") from error


def _check_plain(stat_function, target) -> None:
    try:
        mode = stat_function(target).st_mode
    except FileNotFoundError as error:
        if isinstance(target, Path) and target.is_symlink():
            raise OSError(errno.ENOENT, "a broken link") from error
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, f"no name of a file: {error}") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "a link that leads in a circle") from error
        raise
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"{kind}, not a file")


def within(root: Path, name: str, source: str) -> Path:
    """The path that `name` stands for below `root`; it need not exist.

    Names alone decide: a link in the user's own folder is hers. Raises InputError, saying `where` the name stands,
    where it leads out of `root`; so does an absolute path of elsewhere.
    """
    relative = Path(os.path.normpath(name))
    if relative.is_absolute():
        for top in (root, root.absolute(), Path(os.path.normpath(root.absolute()))):
            if relative.is_relative_to(top):
                relative = relative.relative_to(top)
                break
    if relative.is_absolute() or relative.parts[:1] in ((), ("..",)) or "\0" in name:
        raise InputError(
            f"{source} names the file {printable(name)[:200]!r}, outside of the data's folder {printable(root)}:"
            " put it inside, or do not trust this data"
        )
    return root / relative


def printable(name: str | Path) -> str:
    r"""The name as text that every file can hold: bytes that are no UTF-8 become \xNN."""
    try:
        return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, which no file's name holds
        return str(name).encode("utf-8", "backslashreplace").decode()
