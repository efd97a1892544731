"""Lock of a run folder: one process at a time; it names its holder, and is released when that process ends."""

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
except ImportError:  # Windows: the lock then depends on whether its holder runs
    fcntl = None

NAME = ".ironglass.lock"


@dataclass
class _HeldLock:
    """A lock of this process.

    owner: process and thread.
    depth: how often it was entered.
    """

    owner: tuple[int, int]
    handle: int
    depth: int = 1


_locks: dict[Path, _HeldLock] = {}
_guard = threading.Lock()
_has_held = False


def was_held() -> bool:
    """Returns whether this process has ever locked a folder, so that something may have been written."""
    return _has_held


def held_folders() -> list[Path]:
    """The folders that this process has locked."""
    return [folder for folder, lock in _locks.items() if lock.owner[0] == os.getpid()]


def is_held(folder: Path) -> bool:
    """Returns whether this thread has locked the folder."""
    lock = _locks.get(folder.resolve())
    return lock is not None and lock.owner == (os.getpid(), threading.get_ident())


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Locks the folder, which must exist, against other processes and other threads of this one.

    The lock is re-entrant within a thread. It is the system's (flock) on the folder's `.ironglass.lock`, so that it is
    released when its process is killed; the file is removed on exit. Raises InputError naming its holder.
    """
    global _has_held
    key, owner = folder.resolve(), (os.getpid(), threading.get_ident())
    with _guard:
        lock = _locks.get(key)
        if lock is not None and lock.owner == owner:
            lock.depth += 1
        elif lock is not None and lock.owner[0] == owner[0]:
            raise InputError(f"{folder} is being written by another thread of this process: name another --output")
        else:
            lock = _locks[key] = _HeldLock(owner, _acquire(folder))
            _has_held = True
    try:
        yield
    finally:
        with _guard:
            lock.depth -= 1
            if not lock.depth:
                del _locks[key]
                _release(folder / NAME, lock.handle)


def _acquire(folder: Path) -> int:
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
                if os.path.samestat(os.fstat(handle), path.stat()):  # else its holder has just removed it
                    _write_holder(handle)
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _lock(handle: int, folder: Path) -> None:
    """Acquires the lock, or raises InputError naming its holder."""
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise InputError(f"{folder} is being written by {_holder_text(handle)}: wait for it, or name another"
                                 " --output") from error  # fmt: skip
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise
    holder = _read_holder(handle)
    if holder and holder["host"] != platform.node():
        # locks may not work across a network, and whether that process still runs is unknown here
        raise InputError(
            f"{folder} is being written by {_holder_text(handle)}: wait for it, or delete {folder / NAME} if it has"
            " ended"
        )
    if fcntl is None and holder and _is_running(holder["pid"]):
        raise InputError(f"{folder} is being written by {_holder_text(handle)}: wait for it, or name another --output")


def _release(path: Path, handle: int) -> None:
    with suppress(OSError):
        path.unlink()
    with suppress(OSError):
        os.close(handle)


def _write_holder(handle: int) -> None:
    holder = {"pid": os.getpid(), "host": platform.node(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    os.ftruncate(handle, 0)
    os.pwrite(handle, (json.dumps(holder) + "\n").encode(), 0)


def _read_holder(handle: int) -> dict[str, Any] | None:
    """Record of the holder: pid, host, since; None where it cannot be read."""
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
    except (OSError, ValueError, RecursionError):
        return None
    types = {"pid": int, "host": str, "since": str}
    return holder if isinstance(holder, dict) and all(isinstance(holder.get(k), t) for k, t in types.items()) else None


def _holder_text(handle: int) -> str:
    if (holder := _read_holder(handle)) is None:
        return "another process"
    return f"process {holder['pid']} on {holder['host']} (since {holder['since']})"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def flocked(handle: int) -> Iterator[None]:
    """Locks an open file exclusively while entered, if the file system supports locks."""
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
