"""From listings to a cache entry: cut, decode, set aside what is bad, write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from ironglass.data.cache import write_entry, write_pixels
from ironglass.data.dataset import Quarantined
from ironglass.data.scan import scan
from ironglass.data.source import Listing
from ironglass.data.splits import complete
from ironglass.errors import InputError
from ironglass.types import Progress

MAX_BAD = 0.05


class _Mixed(Exception):
    """Grey images and colour images in one data set."""


def build(
    listings: Mapping[str, Listing],
    folder: Path,
    *,
    size: int | None,
    channels: int | None,
    seed: int,
    progress: Progress | None,
) -> None:
    """Writes one cache entry: every image of `listings` decoded into `folder`, the missing splits cut, each shuffled.

    seed: of the cut, and of the order of each split.

    Raises InputError where more than 5 % of the images have no label or cannot be decoded, a class of the first split
    loses all of its images, or images differ in size and `size` is None.
    """
    unlabelled = [
        Quarantined(listing.names[i], split, "no label")
        for split, listing in listings.items()
        for i in np.flatnonzero(listing.labels < 0).tolist()
    ]
    left_out = [
        Quarantined(name, split, reason) for split, listing in listings.items() for name, reason in listing.left_out
    ]
    notes = list(dict.fromkeys(note for listing in listings.values() for note in listing.notes))
    listings = {split: listing.take(np.flatnonzero(listing.labels >= 0)) for split, listing in listings.items()}
    listings = complete(listings, seed)
    try:
        kept, quarantined = _write(listings, folder, size, channels, progress)
    except _Mixed:
        kept, quarantined = _write(listings, folder, size, 3, progress)
    quarantined = [*unlabelled, *quarantined]
    _check(listings, kept, quarantined)
    kept = {split: _shuffle(folder / f"{split}.npy", rows, seed) for split, rows in kept.items()}
    classes = next(iter(listings.values())).classes
    splits = {
        split: (listing.labels[kept[split]], [listing.names[i] for i in kept[split]])
        for split, listing in listings.items()
        if kept[split]
    }
    write_entry(folder, splits, classes, [*quarantined, *left_out], notes)


def _write(
    listings: Mapping[str, Listing], folder: Path, size: int | None, channels: int | None, progress: Progress | None
) -> tuple[dict[str, list[int]], list[Quarantined]]:
    """Decodes every split into a file of pixels; returns the positions kept, and what was set aside."""
    kept: dict[str, list[int]] = {split: [] for split in listings}
    quarantined: list[Quarantined] = []
    total = sum(len(listing) for listing in listings.values())
    first: tuple[str, np.ndarray] | None = None

    square = None if size is None else (size, size)

    def good(split: str, listing: Listing) -> Iterator[np.ndarray]:
        nonlocal first
        images = listing.read(np.arange(len(listing)))
        with closing(scan(images, size=square, channels=channels)) as results:
            for row, (name, result) in enumerate(zip(listing.names, results, strict=True)):
                if isinstance(result, str):
                    quarantined.append(Quarantined(name, split, result))
                else:
                    first = first or (name, result)
                    _check_alike(first, (name, result))
                    kept[split].append(row)
                    yield result
                done = len(quarantined) + sum(map(len, kept.values()))
                if progress and (done % 100 == 0 or done == total):
                    progress(done, total)

    for split, listing in listings.items():
        write_pixels(folder / f"{split}.npy", good(split, listing))
    return kept, quarantined


def _shuffle(path: Path, rows: list[int], seed: int) -> list[int]:
    """Brings a split's file of pixels, and the rows it was made of, into an order drawn by the seed.

    Sources list their images class by class: the first images of a split shall be like the rest.
    """
    if len(rows) < 2:
        return rows
    order = np.random.default_rng([seed, *path.stem.encode()]).permutation(len(rows))
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    ordered = path.with_name(f"{path.stem}.ordered.npy")
    write_pixels(ordered, (pixels[i] for i in order))
    ordered.replace(path)
    return [rows[i] for i in order]


def _check_alike(first: tuple[str, np.ndarray], other: tuple[str, np.ndarray]) -> None:
    (height, width, channels), (h, w, c) = first[1].shape, other[1].shape
    if (h, w) != (height, width):
        raise InputError(f"{first[0]} is {width} × {height} pixels and {other[0]} {w} × {h}: bring them to one --size")
    if c != channels:
        raise _Mixed


def _check(listings: Mapping[str, Listing], kept: Mapping[str, list[int]], quarantined: list[Quarantined]) -> None:
    total = sum(len(listing) for listing in listings.values())
    bad = (
        f"{len(quarantined)} of {total} images are bad, as {quarantined[0].name}: {quarantined[0].reason}"
        if quarantined
        else ""
    )
    if len(quarantined) > MAX_BAD * total:
        raise InputError(f"{bad}; mend or remove them")
    split, listing = next(iter(listings.items()))
    for label in np.setdiff1d(listing.labels, listing.labels[kept[split]]):
        raise InputError(f"the class {listing.classes[label]!r} has no image left in {split}: {bad}")
