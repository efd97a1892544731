"""Checksums of the cache's arrays, a block each: a byte that was flipped on the disk is found before it is believed."""

from __future__ import annotations

import os
import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

_BLOCK = 8 * 2**20
_AT_ONCE = 2 * 2**30
_seen: set[tuple[str, int, int, int]] = set()


class Spoilt(Exception):
    """A file of the cache that is not as it was written."""


def checksummed(path: Path) -> dict[str, Any]:
    """All that is needed to map the .npy file at `path` without believing its header, and a CRC-32 of every block."""
    with path.open("rb") as file:
        npy.read_magic(file)
        shape, fortran, dtype = npy.read_array_header_1_0(file)
        offset = file.tell()
    if fortran:
        raise Spoilt(f"{path} is in Fortran's order")
    raw = np.memmap(path, np.uint8, mode="r")
    crcs = _crcs(raw, range(0, len(raw), _BLOCK))
    return {"dtype": dtype.str, "shape": list(shape), "offset": offset, "bytes": len(raw), "crc32": crcs}


def opened(path: Path, about: dict[str, Any], *, check: bool = False) -> np.memmap:
    """The array in the file at `path`, memory-mapped, read-only.

    about: of `checksummed`. Blocks are compared with it when this process first maps the file, of a larger file as many
    as 2 GiB hold, the first among them; with `check`, or where IRONGLASS_CHECK is set, all of them. Raises Spoilt where
    one differs, OSError where the file cannot be read.
    """
    state = path.stat()
    if state.st_size != about["bytes"]:
        raise Spoilt(f"{path} has {state.st_size} bytes, not {about['bytes']}")
    check = check or bool(os.environ.get("IRONGLASS_CHECK"))
    key = (str(path), state.st_ino, state.st_size, state.st_mtime_ns)
    if check or key not in _seen:
        starts = range(0, state.st_size, _BLOCK)
        if not check and state.st_size > _AT_ONCE:
            starts = [0, *sorted(random.SystemRandom().sample(starts[1:], _AT_ONCE // _BLOCK - 1))]
        raw = np.memmap(path, np.uint8, mode="r")
        for start, crc in zip(starts, _crcs(raw, starts), strict=True):
            if crc != about["crc32"][start // _BLOCK]:
                raise Spoilt(f"{path} differs from what was written between bytes {start} and {start + _BLOCK}")
        _seen.add(key)
    return np.memmap(path, np.dtype(about["dtype"]), mode="r", offset=about["offset"], shape=tuple(about["shape"]))


def _crcs(raw: np.ndarray, starts: range | list[int]) -> list[int]:
    if len(starts) == 1:
        return [zlib.crc32(raw[:_BLOCK].data)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # zlib lets other threads run meanwhile
        return list(pool.map(lambda start: zlib.crc32(raw[start : start + _BLOCK].data), starts))
