"""Atomic writes, and reading of untrusted JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ironglass.errors import InputError

MAX_BYTES = 1 << 28
"""Maximum size of a text file that is read, bytes."""


@contextmanager
def atomic(path: Path, before_replace: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Yields a temporary path in the folder of `path`; on exit it replaces `path` in one step.

    A reader, or a process killed at any moment, sees the whole old file or the whole new one. After an exception
    the old file remains and nothing is left behind.

    before_replace: called with the complete temporary file just before that step.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if before_replace is not None:
            before_replace(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_text(path: Path) -> str | None:
    """The text of a file, or None where there is none. Raises InputError for anything but a text file."""
    if not path.exists() and not path.is_symlink():
        return None
    if not path.is_file():
        raise InputError(f"{path} is not a file: take it away")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has more than {MAX_BYTES >> 20} MiB, which no file of a run's text has")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def read_json(path: Path) -> Any:
    """The value in a file, or None where there is no file.

    Raises InputError for invalid JSON, NaN, infinity, and numbers too large to be finite.
    """
    text = read_text(path)
    return None if text is None else parse_json(text, str(path))


def parse_json(text: str, source: str) -> Any:
    """The value of a JSON text. Raises InputError, naming `source`, as `read_json` does."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_bounded_int)
    except RecursionError:
        raise InputError(f"{source} is not valid JSON of ours: it is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{source} is not valid JSON: {error}") from error


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits[:20]} is too large for a number")
    return number


def _bounded_int(digits: str) -> int:
    if len(digits) > 20:  # no count needs more than 64 bits
        raise ValueError(f"{digits[:20]}... is too large for a number")
    return int(digits)
