"""Sizes of images as they are stored, upright, from their headers: nothing is decoded."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import closing, suppress

import numpy as np
from PIL import Image

from ironglass.data.cache.store import building, cache_folder, fingerprint
from ironglass.data.decoding.formats import open_image
from ironglass.data.decoding.scan import in_threads
from ironglass.data.files.plain import open_plain
from ironglass.data.find_source import find_source
from ironglass.data.source import ColumnRequest, Encoded

LOCAL = ("folder", "table", "parquet", "archive", "tiny-imagenet")
"""Sources whose files lie here, so that reading them anew fetches nothing."""
FILE = "sizes.npy"
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)
"""Tag of a file's orientation, and those in which width and height change places."""


def shorter_sides(spec: str, request: ColumnRequest, names: Sequence[str], *, data: str) -> np.ndarray | None:
    """The shorter side of each image as stored, in pixels, float64 (n,); as of `stored_sizes`."""
    sizes = stored_sizes(spec, request, names, data=data)
    return None if sizes is None else sizes.min(1)


def stored_sizes(spec: str, request: ColumnRequest, names: Sequence[str], *, data: str) -> np.ndarray | None:
    """Width and height of each image as stored, upright, in pixels, float64 (n, 2), NaN where they are not known; None
    for data that are not files on this machine.

    Kept in the cache, so that the files are opened once. names: of the images. data: the data set's fingerprint.
    """
    source = find_source(spec, request, download=False)
    if source.identity[0] not in LOCAL:
        return None
    entry = cache_folder() / "sides" / fingerprint(data, list(names))
    with suppress(OSError, ValueError):
        sizes = np.load(entry / FILE, allow_pickle=False)
        if sizes.shape == (len(names), 2) and sizes.dtype == np.float64:
            return sizes
    by_name: dict[str, tuple[float, float]] = {}
    requested = set(names)
    for listing in source.listings().values():
        rows = np.array([row for row, name in enumerate(listing.names) if name in requested], dtype=np.int64)
        with closing(in_threads(listing.read(rows), _size)) as sizes_read:
            for row, size in zip(rows.tolist(), sizes_read, strict=True):
                by_name[listing.names[row]] = size
    sizes = np.array([by_name.get(name, UNKNOWN) for name in names], dtype=np.float64).reshape(-1, 2)
    with building(entry) as folder:
        np.save(folder / FILE, sizes)
    return sizes


UNKNOWN = (np.nan, np.nan)


def _size(encoded: Encoded) -> tuple[float, float]:
    """Width and height by the header; NaN where there is none to be read."""
    if encoded is None or encoded == b"":
        return UNKNOWN
    if isinstance(encoded, Image.Image):
        return float(encoded.width), float(encoded.height)
    try:
        with (
            io.BytesIO(encoded) if isinstance(encoded, bytes) else open_plain(encoded) as file,
            open_image(file) as image,
        ):
            width, height = image.size
            return (height, width) if image.getexif().get(ORIENTATION) in TURNED else (width, height)
    except MemoryError:
        raise
    except Exception:  # Pillow raises nearly anything for a broken header
        return UNKNOWN
