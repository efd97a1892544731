"""Images without labels: some files, or all below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.data.build import Reading, Seen
from ironglass.data.dataset import Quarantined
from ironglass.data.decoding.depth import choose_scale
from ironglass.data.decoding.formats import SUFFIXES, is_image
from ironglass.data.decoding.scan import scan
from ironglass.data.files.plain import open_plain, printable
from ironglass.errors import InputError

_START = 64


@dataclass(frozen=True)
class Loaded:
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
) -> Loaded:
    """The images in files, or in folders however deep, each brought to `size` (h, w) as by `load_dataset`.

    A file is taken by what its bytes are; of a folder, files with an image's name. All others are listed with the
    reason. reading: fit and range; its size and channels are not used. Raises InputError where a path does not exist or
    no file has an image's name.
    """
    reading = reading or Reading()
    files, left_out = _files([Path(path) for path in paths])
    if not files:
        where = printable(", ".join(map(str, paths)))[:300] or "no paths"
        others = f"; left out {len(left_out):,} files, as {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise InputError(f"no images in {where}: looked for {', '.join(SUFFIXES)}{others}")
    options = {"size": size, "channels": channels, "fit": reading.fit}
    seen, pixels, names, bad = _decoded(files, scale=None, **options)
    scale, said = choose_scale(seen.values, reading.range)
    if scale is not None:
        seen, pixels, names, bad = _decoded(files, scale=scale, **options)
    notes = [*([said] if said else []), *seen.sentences(reading.fit, size)]
    record = {"fit": reading.fit, "range": None if scale is None else [scale.low, scale.high]}
    stacked = np.stack(pixels) if pixels else np.empty((0, *size, channels), np.uint8)
    return Loaded(stacked, names, [*bad, *left_out], notes, record)


def _decoded(files: Sequence[Path], **options: Any) -> tuple[Seen, list[np.ndarray], list[str], list[Quarantined]]:
    seen, bad = Seen(), []
    pixels: list[np.ndarray] = []
    names: list[str] = []
    with closing(scan(files, **options)) as results:
        for file, result in zip(files, results, strict=True):
            name = printable(file)
            if isinstance(result, str):
                bad.append(Quarantined(name, "predict", result))
            else:
                seen.note(name, result)
                pixels.append(result.pixels)
                names.append(name)
    return seen, pixels, names, bad


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[Quarantined]]:
    """The files to be decoded, and those that are not for their names."""
    files: list[Path] = []
    left_out: list[Quarantined] = []
    for path in paths:
        if not os.path.lexists(path):
            raise InputError(f"{printable(path)[:300]} does not exist: check the path")
        if not path.is_dir():
            files.append(path)
            continue
        for file in _below(path):
            if reason := _no_image(file, path):
                left_out.append(Quarantined(printable(file), "predict", reason))
            else:
                files.append(file)
    return files, left_out


def _below(top: Path) -> Iterator[Path]:
    """Every file below `top`, hidden ones too, in sorted order; no link to a folder is followed twice."""
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise InputError(f"cannot read the folder {printable(error.filename)}: {error.strerror}") from error

    for folder, inner, names in os.walk(top, followlinks=True, onerror=refuse):
        state = Path(folder).stat()
        if (state.st_dev, state.st_ino) in seen:
            inner.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        inner.sort()
        yield from (Path(folder) / name for name in sorted(names))


def _no_image(file: Path, top: Path) -> str:
    """Why the file is not taken for an image, by its name; "" where it is."""
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
