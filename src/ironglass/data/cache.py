"""Decoded pixels on disk: memory-mapped, so that data larger than memory works; written in one step or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from ironglass.data.dataset import Dataset, Quarantined, Split
from ironglass.errors import InputError

VERSION = 1
_DAY = 24 * 60 * 60


def cache_folder() -> Path:
    """`$IRONGLASS_CACHE`, else `$XDG_CACHE_HOME/ironglass`, else `~/.cache/ironglass`."""
    if own := os.environ.get("IRONGLASS_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "ironglass"


def fingerprint(*values: object) -> str:
    """32 hexadecimal digits that differ where the JSON of the values, or the format of the cache, does."""
    return hashlib.blake2b(json.dumps([VERSION, *values]).encode(), digest_size=16).hexdigest()


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yields a temporary folder beside `folder`; on leaving it takes `folder`'s place in one step.

    After an exception nothing is left behind. Where another process was faster, its folder stands. Raises InputError
    where it cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        temporary = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        try:
            yield temporary
            _take_place(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot write {folder.parent}: {reason}; set IRONGLASS_CACHE to another folder") from error


def _take_place(temporary: Path, folder: Path) -> None:
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _sweep(parent: Path) -> None:
    """Removes what killed processes left."""
    for path in parent.glob(".*"):
        if path.is_dir() and path.stat().st_mtime < time.time() - _DAY:
            shutil.rmtree(path, ignore_errors=True)


def write_pixels(path: Path, images: Iterable[np.ndarray]) -> int:
    """Writes images of one shape, uint8 (h, w, c), one after the other into one .npy file; returns their number."""
    count, shape = 0, ()
    with path.open("wb", buffering=1 << 20) as file:
        for image in images:
            if count == 0:
                shape = image.shape
                _write_header(file, (0, *shape))
            file.write(np.ascontiguousarray(image).data)
            count += 1
        file.seek(0)
        _write_header(file, (count, *shape))  # as long as the first: numpy leaves room for the number to grow
        file.flush()
        os.fsync(file.fileno())
    return count


def _write_header(file, shape: tuple[int, ...]) -> None:
    npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def write_entry(
    folder: Path, splits: dict[str, tuple[np.ndarray, list[str]]], classes: tuple[str, ...], quarantined: list
) -> None:
    """Writes what goes with the pixels: labels and names a split, classes, and the files set aside."""
    for split, (labels, _) in splits.items():
        np.save(folder / f"{split}.labels.npy", labels)
    about = {
        "classes": classes,
        "names": {split: names for split, (_, names) in splits.items()},
        "quarantined": [vars(file) for file in quarantined],
    }
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def read_entry(folder: Path, name: str) -> Dataset | None:
    """The data set kept in `folder`, its pixels memory-mapped; None where there is none.

    An entry of which anything is missing, cut short or of the wrong shape is removed, to be built anew.
    """
    try:
        about = json.loads((folder / "about.json").read_text("utf-8"))
        splits = {split: _read_split(folder, split, tuple(names)) for split, names in about["names"].items()}
        quarantined = tuple(Quarantined(**file) for file in about["quarantined"])
        return Dataset(name, splits, tuple(about["classes"]), folder.name, quarantined)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, EOFError):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    except OSError:
        return None


def _read_split(folder: Path, split: str, names: tuple[str, ...]) -> Split:
    pixels = np.load(folder / f"{split}.npy", mmap_mode="r", allow_pickle=False)
    labels = np.load(folder / f"{split}.labels.npy", allow_pickle=False)
    if not (pixels.ndim == 4 and pixels.dtype == np.uint8 and labels.shape == (len(names),) == pixels.shape[:1]):
        raise ValueError
    return Split(pixels, labels, names)
