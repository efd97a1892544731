"""Images without labels: files, or all images below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.data.build import Observations, Reading
from ironglass.data.dataset import Quarantined
from ironglass.data.decoding.depth import choose_scale
from ironglass.data.decoding.formats import SUFFIXES, is_image
from ironglass.data.decoding.scan import scan
from ironglass.data.files.plain import open_plain, printable
from ironglass.errors import InputError

_START = 64


@dataclass(frozen=True)
class LoadedImages:
    """Images read from files.

    pixels: uint8, (n, h, w, c).
    names: n paths.
    left_out: every file that is in neither, and why.
    notes: what was assumed, a sentence each.
    reading: as of `Dataset`.
    """

    pixels: np.ndarray
    names: list[str]
    left_out: list[Quarantined]
    notes: list[str]
    reading: dict[str, Any]


def load_images(
    paths: Sequence[Path | str], *, size: tuple[int, int], channels: int, reading: Reading | None = None
) -> LoadedImages:
    """The images in files, or in folders however deep, each brought to `size` (h, w) as by `load_dataset`.

    A file is taken by what its bytes are; of a folder, files with an image's name. All others are listed with the
    reason. reading: fit and range; its size and channels are not used. Raises InputError where a path does not exist or
    no file has an image's name.
    """
    reading = reading or Reading()
    files, excluded = _files([Path(path) for path in paths])
    if not files:
        path_list = printable(", ".join(map(str, paths)))[:300] or "no paths"
        suffix = f"; left out {len(excluded):,} files, as {excluded[0].name}: {excluded[0].reason}" if excluded else ""
        raise InputError(f"no images in {path_list}: looked for {', '.join(SUFFIXES)}{suffix}")
    options = {"size": size, "channels": channels, "fit": reading.fit}
    observations, pixels, names, quarantined = _decoded(files, scale=None, **options)
    scale, note = choose_scale(observations.values, reading.range)
    if scale is not None:
        observations, pixels, names, quarantined = _decoded(files, scale=scale, **options)
    notes = [*([note] if note else []), *observations.sentences(reading.fit, size)]
    record = {"fit": reading.fit, "range": None if scale is None else [scale.low, scale.high]}
    stacked = np.stack(pixels) if pixels else np.empty((0, *size, channels), np.uint8)
    return LoadedImages(stacked, names, [*quarantined, *excluded], notes, record)


def _decoded(
    files: Sequence[Path], **options: Any
) -> tuple[Observations, list[np.ndarray], list[str], list[Quarantined]]:
    observations, quarantined = Observations(), []
    pixels: list[np.ndarray] = []
    names: list[str] = []
    with closing(scan(files, **options)) as results:
        for file, result in zip(files, results, strict=True):
            name = printable(file)
            if isinstance(result, str):
                quarantined.append(Quarantined(name, "predict", result))
            else:
                observations.note(name, result)
                pixels.append(result.pixels)
                names.append(name)
    return observations, pixels, names, quarantined


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[Quarantined]]:
    """The files to decode, and those that are excluded by their names."""
    files: list[Path] = []
    excluded: list[Quarantined] = []
    for path in paths:
        if not os.path.lexists(path):
            raise InputError(f"{printable(path)[:300]} does not exist: check the path")
        if not path.is_dir():
            files.append(path)
            continue
        for file in _below(path):
            if reason := _no_image(file, path):
                excluded.append(Quarantined(printable(file), "predict", reason))
            else:
                files.append(file)
    return files, excluded


def _below(top: Path) -> Iterator[Path]:
    """Every file below `top`, hidden ones too, in sorted order; no link to a folder is followed twice."""
    visited: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read the folder {printable(error.filename)}: {error.strerror}") from error

    for folder, inner, names in os.walk(top, followlinks=True, onerror=refuse):
        state = Path(folder).stat()
        if (state.st_dev, state.st_ino) in visited:
            inner.clear()
            continue
        visited.add((state.st_dev, state.st_ino))
        inner.sort()
        yield from (Path(folder) / name for name in sorted(names))


def _no_image(file: Path, top: Path) -> str:
    """Reason by which a file is excluded by its name; "" for an image."""
    if any(part.startswith(".") or part == "__MACOSX" for part in file.relative_to(top).parts):
        return "hidden"
    if file.name.lower().endswith(SUFFIXES):
        return ""
    try:
        with open_plain(file) as opened:
            start = opened.read(_START)
    except OSError as error:
        return error.strerror or str(error)
    if is_image(start):
        return "an image by its bytes, and not by its name: rename it, or name the file itself"
    return "not an image" if start else "empty"
