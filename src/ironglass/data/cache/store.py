"""Cache of decoded pixels on disk: memory-mapped, so that data may exceed memory; written atomically."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ironglass.data.cache.checksums import Corrupted, checksummed, open_checked
from ironglass.data.dataset import Dataset, Quarantined, Split
from ironglass.errors import InputError

VERSION = 3
_DAY = 24 * 60 * 60


def cache_folder() -> Path:
    """`$IRONGLASS_CACHE`, else `$XDG_CACHE_HOME/ironglass`, else `~/.cache/ironglass`."""
    try:
        if configured := os.environ.get("IRONGLASS_CACHE"):
            return Path(configured).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ironglass"
    except RuntimeError as error:  # no home folder
        raise InputError(f"there is no place for the cache: {error}; set IRONGLASS_CACHE to a folder") from error


def fingerprint(*values: object) -> str:
    """32 hexadecimal digits that differ where the JSON of the values, or the format of the cache, does."""
    return hashlib.blake2b(json.dumps([VERSION, *values]).encode(), digest_size=16).hexdigest()


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `folder`; on leaving it takes `folder`'s place in one step.

    After an exception nothing is left behind. Where another process was faster, its folder stands. Raises InputError
    where the folders cannot be made; what is written inside is for `writing` to answer for.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        yield temporary
        with writing(folder):
            _move_into_place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the OSError of a cache that cannot be written, or is full, into an InputError that says so."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot write {path.parent}: {reason}; set IRONGLASS_CACHE to another folder") from error


def _move_into_place(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _sweep(parent: Path) -> None:
    """Removes temporary folders of killed processes."""
    for path in parent.glob(".*"):
        with suppress(FileNotFoundError):  # another process sweeps, too
            if path.is_dir() and path.stat().st_mtime < time.time() - _DAY:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Waits while another process or thread builds `folder`; continues without a lock where none is available.

    Two builders at once would both be correct: the lock only saves duplicate work.
    """
    try:
        import fcntl

        locks = cache_folder() / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        file = (locks / f"{folder.parent.name}-{folder.name}").open("wb")
        fcntl.flock(file, fcntl.LOCK_EX)
    except (ImportError, OSError):
        yield
        return
    with file:
        try:
            yield
        finally:
            with suppress(OSError):
                Path(file.name).unlink()


def read_or_build(folder: Path, name: str, build: Callable[[Path], None], *, check: bool = False) -> Dataset:
    """The data set kept in `folder`; where there is none, or it is spoilt, `build` writes it into the folder given.

    check: as of `read_entry`. Raises InputError where the cache cannot be written or read.
    """
    if dataset := read_entry(folder, name, check=check):
        return dataset
    with _lock(folder):
        if dataset := read_entry(folder, name, check=check):  # another process was building it
            return dataset
        discard(folder)
        with building(folder) as path:
            build(path)
    if dataset := read_entry(folder, name):
        return dataset
    raise InputError(f"cannot read the cache entry {folder}: remove it, or set IRONGLASS_CACHE to another folder")


def discard(folder: Path) -> None:
    """Removes a damaged entry in one step: a reader sees all of it or nothing."""
    if folder.exists():
        with suppress(OSError):
            trash = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
            folder.rename(trash / "spoilt")
            shutil.rmtree(trash, ignore_errors=True)


def write_pixels(path: Path, images: Iterable[np.ndarray]) -> int:
    """Writes images of one shape and type, uint8 or float32 (h, w, c), one after the other into one .npy file.

    Returns their number. Raises InputError where the cache cannot be written or is full.
    """
    count, shape, dtype = 0, (), np.dtype(np.uint8)
    with writing(path.parent):
        file = path.open("wb", buffering=1 << 20)
    try:
        for image in images:  # outside of `writing`: what the source raises is no fault of the cache's
            with writing(path.parent):
                if count == 0:
                    shape = image.shape
                    dtype = np.dtype(np.uint8 if image.dtype == np.uint8 else "<f4")
                    _write_header(file, (0, *shape), dtype)
                file.write(np.ascontiguousarray(image, dtype=dtype).data)
            count += 1
        with writing(path.parent):
            file.seek(0)
            _write_header(
                file, (count, *shape), dtype
            )  # as long as the first: numpy leaves room for the number to grow
            file.flush()
            os.fsync(file.fileno())
    finally:
        with writing(path.parent):
            file.close()
    return count


def _write_header(file, shape: tuple[int, ...], dtype: np.dtype) -> None:
    npy.write_array_header_1_0(file, {"descr": dtype.str, "fortran_order": False, "shape": shape})


def write_entry(
    folder: Path,
    splits: dict[str, tuple[np.ndarray, list[str]]],
    classes: tuple[str, ...],
    quarantined: list[Quarantined],
    notes: Iterable[str] = (),
    reading: Mapping[str, Any] | None = None,
) -> None:
    """Writes what goes with the pixels: labels and names a split, classes, the files set aside, and all checksums.

    Raises InputError where the cache cannot be written or is full.
    """
    with writing(folder):
        for split, (labels, _) in splits.items():
            np.save(folder / f"{split}.labels.npy", np.asarray(labels, dtype=np.int64))
        record = {
            "classes": classes,
            "names": {split: names for split, (_, names) in splits.items()},
            "quarantined": [vars(file) for file in quarantined],
            "notes": list(notes),
            "reading": dict(reading or {}),
            "files": {file: checksummed(folder / file) for split in splits for file in _files(split)},
        }
        record |= {"checksum": _checksum(record)}
        (folder / "about.json").write_text(json.dumps(record), encoding="utf-8")


def _files(split: str) -> tuple[str, str]:
    return f"{split}.npy", f"{split}.labels.npy"


def _checksum(record: dict) -> str:
    return hashlib.blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=16).hexdigest()


def read_entry(folder: Path, name: str, *, check: bool = False) -> Dataset | None:
    """The data set kept in `folder`, its pixels memory-mapped; None where there is none, or a byte of it is another.

    Checksums of all blocks are compared when a process first maps a file, of the larger ones of as many as 2 GiB hold,
    drawn anew each time; of all, and again, with `check` or where the environment has IRONGLASS_CHECK.
    """
    try:
        record = json.loads((folder / "about.json").read_text("utf-8"))
        if record.pop("checksum") != _checksum(record):
            return None
        splits = {}
        for split, names in record["names"].items():
            pixels, labels = (open_checked(folder / file, record["files"][file], check=check) for file in _files(split))
            digest = fingerprint(record["files"][_files(split)[0]])
            splits[split] = Split(pixels, np.array(labels), tuple(names), digest)
        quarantined = tuple(Quarantined(**file) for file in record["quarantined"])
        notes, reading = tuple(record["notes"]), record["reading"]
        contents = fingerprint(record["files"], record["names"], record["classes"])
        return Dataset(name, splits, tuple(record["classes"]), folder.name, quarantined, notes, reading, contents)
    except (Corrupted, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
