"""Strangers' input, tried in forked children: each ends in the right result or in one line, whatever it holds."""

from __future__ import annotations

import os
import pickle
import re
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ironglass.errors import InputError

_LONGEST = 1000  # characters of a line that a person still reads
_MEMORY = 3 * 2**30


@dataclass(frozen=True)
class Outcome:
    """How the work ended.

    value: as given back; None where refused. refused: the InputError's line, or None. status: of a SystemExit, else
    None. output: all that was written to standard output and standard error.
    """

    value: Any
    refused: str | None
    status: Any
    output: str


@pytest.fixture(scope="session")
def ends_well() -> Callable[..., Outcome]:
    """`ends_well(work, seconds=20, left=(folder, ...))` runs `work()` in a forked child and gives its `Outcome`.

    The test fails where the child hangs, dies, asks for more than 3 GiB, raises anything but InputError (SystemExit's
    status is given back), says more than one line, warns by anything but a warning of ours, or leaves a file in one of
    the folders `left` that was not there. What `work` gives back has to be picklable.
    """
    return _ends_well


def _ends_well(work: Callable[[], Any], *, seconds: float = 20, left: Iterable[Path] = ()) -> Outcome:
    left = tuple(left)
    before = [_listing(folder) for folder in left]
    with tempfile.TemporaryFile() as output:
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on: forking beside threads
            child = os.fork()
        if child == 0:
            os.close(reading)
            _work(work, writing, output.fileno())
        os.close(writing)
        try:
            answer = _read(reading, time.monotonic() + seconds)
        finally:
            os.close(reading)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        output.seek(0)
        said = output.read().decode(errors="backslashreplace")
    assert answer is not None, f"hangs: no answer within {seconds} s\n{said}"
    assert answer, f"died (wait status {status}): {said}"
    kind, value = pickle.loads(answer)
    assert kind != "raised", f"a traceback:\n{value}\n{said}"
    if kind == "refused":
        assert "\n" not in value, f"several lines: {value!r}"
        assert 0 < len(value) <= _LONGEST, f"nobody reads {len(value)} characters: {value[:300]}"
    for folder, there in zip(left, before, strict=True):
        assert (more := _listing(folder) - there) == set(), f"left behind in {folder}: {sorted(more)}"
    return Outcome(
        value if kind == "value" else None,
        value if kind == "refused" else None,
        value if kind == "exit" else None,
        said,
    )


def _work(work: Callable[[], Any], writing: int, output: int) -> None:
    """The child's whole life."""
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        held = re.search(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text())
        limit = (int(held[1]) * 1024 if held else 0) + _MEMORY  # of what is written to: mapped libraries do not count
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
        try:
            answer: tuple[str, Any] = ("value", work())
        except InputError as error:
            answer = ("refused", str(error))
        except SystemExit as error:
            answer = ("exit", error.code)
        except BaseException:
            answer = ("raised", traceback.format_exc())
        sys.stdout.flush()
        sys.stderr.flush()
        blob = pickle.dumps(answer)
        while blob:
            blob = blob[os.write(writing, blob) :]
    finally:
        os._exit(0)


def _read(pipe: int, end: float) -> bytes | None:
    """What comes until the pipe is closed; None where that takes too long."""
    parts = []
    while select.select([pipe], [], [], max(0, end - time.monotonic()))[0]:
        part = os.read(pipe, 1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return None


def _listing(folder: Path) -> set[str]:
    return {f"{top}/{name}" for top, folders, files in os.walk(folder) for name in (*folders, *files)}
