"""Checksums of the cache's arrays, one per block, which detect corruption on disk before the data are used."""

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
_MAX_CHECKED_BYTES = 2 * 2**30
_checked: set[tuple[str, int, int, int]] = set()


class Corrupted(Exception):
    """A damaged file of the cache."""


def checksummed(path: Path) -> dict[str, Any]:
    """Record by which the .npy file at `path` is mapped without trusting its header, with a CRC-32 of every block."""
    with path.open("rb") as file:
        npy.read_magic(file)
        shape, fortran, dtype = npy.read_array_header_1_0(file)
        offset = file.tell()
    if fortran:
        raise Corrupted(f"{path} is in Fortran's order")
    raw = np.memmap(path, np.uint8, mode="r")
    crcs = _crcs(raw, range(0, len(raw), _BLOCK))
    return {"dtype": dtype.str, "shape": list(shape), "offset": offset, "bytes": len(raw), "crc32": crcs}


def open_checked(path: Path, record: dict[str, Any], *, check: bool = False) -> np.memmap:
    """The array in the file at `path`, memory-mapped, read-only.

    record: of `checksummed`.
    check: compare all blocks, as where IRONGLASS_CHECK is set; else blocks are compared when this process first maps
        the file, of a larger file as many as 2 GiB hold, the first among them.

    Raises Corrupted where a block differs, OSError where the file cannot be read.
    """
    state = path.stat()
    if state.st_size != record["bytes"]:
        raise Corrupted(f"{path} has {state.st_size} bytes, not {record['bytes']}")
    check = check or bool(os.environ.get("IRONGLASS_CHECK"))
    key = (str(path), state.st_ino, state.st_size, state.st_mtime_ns)
    if check or key not in _checked:
        starts = range(0, state.st_size, _BLOCK)
        if not check and state.st_size > _MAX_CHECKED_BYTES:
            starts = [0, *sorted(random.SystemRandom().sample(starts[1:], _MAX_CHECKED_BYTES // _BLOCK - 1))]
        raw = np.memmap(path, np.uint8, mode="r")
        for start, crc in zip(starts, _crcs(raw, starts), strict=True):
            if crc != record["crc32"][start // _BLOCK]:
                raise Corrupted(f"{path} differs from what was written between bytes {start} and {start + _BLOCK}")
        _checked.add(key)
    return np.memmap(path, np.dtype(record["dtype"]), mode="r", offset=record["offset"], shape=tuple(record["shape"]))


def _crcs(raw: np.ndarray, starts: range | list[int]) -> list[int]:
    if len(starts) == 1:
        return [zlib.crc32(raw[:_BLOCK].data)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # zlib lets other threads run meanwhile
        return list(pool.map(lambda start: zlib.crc32(raw[start : start + _BLOCK].data), starts))
