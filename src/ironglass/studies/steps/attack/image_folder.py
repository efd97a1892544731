"""Images as PNG files in a folder a class, as ImageFolder and its like read them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from ironglass.studies.common.stored import stored

BYTES = 120  # of a name, so that no file system finds it too long


def file_names(names: Sequence[str], labels: np.ndarray, classes: Sequence[str]) -> list[str]:
    """Path of each image, `class/image.png`, no two alike, also where case does not count.

    names: what the images are called, often a path, of which the part below the class's folder is kept.
    """
    folders = _apart([_plain(name) for name in classes])
    paths = []
    for name, label in zip(names, labels.tolist(), strict=True):
        parts = PurePosixPath(name).with_suffix("").parts if PurePosixPath(name).name else (name,)
        inner = parts[len(parts) - parts[::-1].index(classes[label]) :] if classes[label] in parts[:-1] else parts
        paths.append(f"{folders[label]}/{_plain('_'.join(inner))}")
    return [f"{name}.png" for name in _apart(paths)]


def write_png(path: Path, pixels: np.ndarray) -> None:
    """One image, uint8 (h, w, c) of 1 or 3 channels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(path)


def read_png(path: Path) -> np.ndarray:
    """Reads the pixels that `write_png` wrote: uint8 (h, w, c)."""
    with stored(path), Image.open(path) as image:
        pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _plain(name: str) -> str:
    """The name without what a file system or a reader of folders takes amiss, each such character as "_"."""
    safe = re.sub(r"[^\w .,()+=@-]", "_", name).strip(" ")
    safe = re.sub(r"^\.+|\.+$", "_", safe.encode()[:BYTES].decode(errors="ignore").rstrip(" "))
    return safe or "_"


def _apart(names: list[str]) -> list[str]:
    """The names, those that meet another with "~" and their position, which no plain name has, at the end."""
    met = Counter(name.casefold() for name in names)
    return [name if met[name.casefold()] == 1 else f"{name}~{position}" for position, name in enumerate(names)]
