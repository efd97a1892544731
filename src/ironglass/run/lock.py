"""One process a run folder: a lock that names who holds it, and is free again when that process is gone."""

from __future__ import annotations

import errno
import json
import os
import platform
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironglass.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: the lock then rests on the process that it names
    fcntl = None

NAME = ".ironglass.lock"


@dataclass
class _Held:
    """A lock of this process.

    owner: process and thread.
    depth: how often it was entered.
    """

    owner: tuple[int, int]
    handle: int
    depth: int = 1


_held: dict[Path, _Held] = {}
_guard = threading.Lock()
_ever = False


def was_held() -> bool:
    """Returns whether this process has held any folder: then something may have been written."""
    return _ever


def held_folders() -> list[Path]:
    """The folders that this process holds."""
    return [folder for folder, one in _held.items() if one.owner[0] == os.getpid()]


def is_held(folder: Path) -> bool:
    """Returns whether this thread holds the folder."""
    one = _held.get(folder.resolve())
    return one is not None and one.owner == (os.getpid(), threading.get_ident())


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """While entered, no other process writes the folder, which must exist, and no other thread of this one.

    The thread that holds it may enter again. Raises InputError naming the process that has it. The lock is the
    system's (flock) on the folder's `.ironglass.lock`, so that one whose process
    was killed is free; the file goes on leaving.
    """
    global _ever
    place, owner = folder.resolve(), (os.getpid(), threading.get_ident())
    with _guard:
        one = _held.get(place)
        if one is not None and one.owner == owner:
            one.depth += 1
        elif one is not None and one.owner[0] == owner[0]:
            raise InputError(f"{folder} is being written by another thread of this process: name another --output")
        else:
            one = _held[place] = _Held(owner, _take(folder))
            _ever = True
    try:
        yield
    finally:
        with _guard:
            one.depth -= 1
            if not one.depth:
                del _held[place]
                _free(folder / NAME, one.handle)


def _take(folder: Path) -> int:
    path = folder / NAME
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}; name another --output") from error
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise InputError(f"{path} is not a file: take it away")
            _lock(handle, folder)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):  # else its holder took it away meanwhile
                    _sign(handle)
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    """Takes the lock, or raises InputError naming who has it."""
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise InputError(f"{folder} is being written by {_named(handle)}: wait for it, or name another"
                                 " --output") from error  # fmt: skip
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise
    found = _signature(handle)
    if found and found["host"] != platform.node():
        # a lock may not reach over a network: whether that process lives cannot be seen from here
        raise InputError(
            f"{folder} is being written by {_named(handle)}: wait for it, or delete {folder / NAME} if it has ended"
        )
    if fcntl is None and found and _lives(found["pid"]):
        raise InputError(f"{folder} is being written by {_named(handle)}: wait for it, or name another --output")


def _free(path: Path, handle: int) -> None:
    with suppress(OSError):
        path.unlink()
    with suppress(OSError):
        os.close(handle)


def _sign(handle: int) -> None:
    found = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    os.ftruncate(handle, 0)
    os.pwrite(handle, (json.dumps(found) + "\n").encode(), 0)


def _signature(handle: int) -> dict[str, Any] | None:
    """Record of the holder: pid, host, since; None where that cannot be read."""
    try:
        found = json.loads(os.pread(handle, 4096, 0))
    except (OSError, ValueError, RecursionError):
        return None
    kinds = {"pid": int, "host": str, "since": str}
    return found if isinstance(found, dict) and all(isinstance(found.get(k), t) for k, t in kinds.items()) else None


def _named(handle: int) -> str:
    if (found := _signature(handle)) is None:
        return "another process"
    return f"process {found['pid']} on {found['host']} (since {found['since']})"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def flocked(handle: int) -> Iterator[None]:
    """While entered, an open file is this process's alone, as far as the file system has locks."""
    if fcntl is None:
        yield
        return
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
