"""Sizes of images as they are stored, from their headers: nothing is decoded."""

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
FILE = "sides.npy"


def shorter_sides(spec: str, request: ColumnRequest, names: Sequence[str], *, data: str) -> np.ndarray | None:
    """The shorter side of each image as stored, in pixels, float64 (n,), NaN where it is not known; None for data that
    are not files on this machine.

    Kept in the cache, so that the files are opened once. names: of the images. data: the data set's fingerprint.
    """
    source = find_source(spec, request, download=False)
    if source.identity[0] not in LOCAL:
        return None
    entry = cache_folder() / "sides" / fingerprint(data, list(names))
    with suppress(OSError, ValueError):
        sides = np.load(entry / FILE, allow_pickle=False)
        if sides.shape == (len(names),) and sides.dtype == np.float64:
            return sides
    by_name: dict[str, float] = {}
    requested = set(names)
    for listing in source.listings().values():
        rows = np.array([row for row, name in enumerate(listing.names) if name in requested], dtype=np.int64)
        with closing(in_threads(listing.read(rows), _shorter_side)) as sides_read:
            for row, side in zip(rows.tolist(), sides_read, strict=True):
                by_name[listing.names[row]] = side
    sides = np.array([by_name.get(name, np.nan) for name in names], dtype=np.float64)
    with building(entry) as folder:
        np.save(folder / FILE, sides)
    return sides


def _shorter_side(encoded: Encoded) -> float:
    """The shorter side by the header; NaN where there is none to be read."""
    if encoded is None or encoded == b"":
        return np.nan
    if isinstance(encoded, Image.Image):
        return float(min(encoded.size))
    try:
        with (
            io.BytesIO(encoded) if isinstance(encoded, bytes) else open_plain(encoded) as file,
            open_image(file) as image,
        ):
            return float(min(image.size))
    except MemoryError:
        raise
    except Exception:  # Pillow raises nearly anything for a broken header
        return np.nan
