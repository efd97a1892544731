"""Writing a file in one step, and reading JSON that anybody may have edited."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ironglass.errors import InputError

LARGEST = 1 << 28
"""Bytes of a text file that is read: more is no file of ours."""


@contextmanager
def atomic(path: Path, before: Callable[[Path], None] | None = None) -> Iterator[Path]:
    """Yields a temporary path beside `path`; on leaving, it takes `path`'s place in one step.

    A reader, or a process killed at any moment, sees the whole old file or the whole new one. After an exception
    the old file stands and nothing is left behind. before: called with the whole temporary file just before that step.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if before is not None:
            before(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_text(path: Path) -> str | None:
    """The text of a file, or None where there is nothing. Raises InputError for what is no file of text."""
    if not path.exists() and not path.is_symlink():
        return None
    if not path.is_file():
        raise InputError(f"{path} is not a file: take it away")
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} has more than {LARGEST >> 20} MiB, which no file of a run's text has")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def read_json(path: Path) -> Any:
    """The value in a file, or None where there is no file.

    Raises InputError for what is no JSON, and for NaN, infinity and numbers too large to be finite.
    """
    text = read_text(path)
    return None if text is None else parse_json(text, str(path))


def parse_json(text: str, where: str) -> Any:
    """The value in a text. Raises InputError, naming `where`, as `read_json` does."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_whole)
    except RecursionError:
        raise InputError(f"{where} is not valid JSON of ours: it is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{where} is not valid JSON: {error}") from error


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"{digits[:20]} is too large for a number")
    return number


def _whole(digits: str) -> int:
    if len(digits) > 20:  # nothing that is counted here needs more than 64 bits
        raise ValueError(f"{digits[:20]}... is too large for a number")
    return int(digits)
