"""From listings to a cache entry: cut, decode, set aside what is bad, write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ironglass.data.cache.store import write_entry, write_pixels
from ironglass.data.dataset import Quarantined
from ironglass.data.decoding.decode import Decoded, Fit
from ironglass.data.decoding.depth import Scale, Values, choose_scale
from ironglass.data.decoding.scan import scan
from ironglass.data.source import Listing
from ironglass.data.splits import complete
from ironglass.data.twins import Twins
from ironglass.errors import InputError
from ironglass.types import Progress

MAX_BAD = 0.05
MUCH = 1 / 3
"""Share of an image that a crop may drop without a word."""


class _Mixed(Exception):
    """Grey images and colour images in one data set."""


class _Deep(Exception):
    """An image of more than 8 bits a value, whose scale depends on all the others."""


@dataclass(frozen=True)
class Reading:
    """Settings by which images become pixels.

    size: height and width, or one number for both; None for their own.
    channels: 1, 3, or None for 1 where all images are grey.
    fit: how an image comes to the size.
    range: stored values that are black and white; None to find them.
    """

    size: int | tuple[int, int] | None = None
    channels: int | None = None
    fit: Fit = "crop"
    range: tuple[float, float] | None = None

    @property
    def sides(self) -> tuple[int, int] | None:
        """Height and width in pixels."""
        return (self.size, self.size) if isinstance(self.size, int) else self.size


@dataclass
class Seen:
    """Observations while images were decoded: names of those whose crop dropped much, and so on."""

    values: list[Values] = field(default_factory=list)
    cropped: list[str] = field(default_factory=list)
    animated: list[str] = field(default_factory=list)
    transparent: list[str] = field(default_factory=list)
    twins: Twins = field(default_factory=Twins)
    _same: dict[Values, Values] = field(default_factory=dict)

    def note(self, name: str, found: Decoded) -> None:
        """Takes down one image."""
        self.values.append(self._same.setdefault(found.values, found.values))
        met = (
            (self.cropped, found.dropped > MUCH),
            (self.animated, found.animated),
            (self.transparent, found.transparent),
        )
        for names, is_so in met:
            if is_so:
                names.append(name)

    def sentences(self, fit: Fit, size: tuple[int, int] | None) -> list[str]:
        """Sentences for the user."""
        n, said = len(self.values), []
        if fit != "crop" and size is not None:
            how = "stretched" if fit == "stretch" else "scaled to fit, with black beside them"
            said.append(f"images that are not {size[1]} × {size[0]} are {how} (--fit {fit})")
        if self.cropped:
            said.append(
                f"the crop drops more than a third of {len(self.cropped):,} of {n:,} images, as of {self.cropped[0]}:"
                " --fit letterbox or --fit stretch keeps all of them"
            )
        if self.animated:
            said.append(
                f"of {len(self.animated):,} of {n:,} files the first frame or page is taken, as of {self.animated[0]}"
            )
        if self.transparent:
            said.append(f"{len(self.transparent):,} of {n:,} images are partly transparent and laid over white")
        return [*said, *self.twins.sentences()]


def build(
    listings: Mapping[str, Listing], folder: Path, reading: Reading, *, seed: int, progress: Progress | None
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
    kept, quarantined, said, scale = _scaled(listings, folder, reading, progress)
    quarantined = [*unlabelled, *quarantined]
    _check(listings, kept, quarantined)
    kept = {split: _shuffle(folder / f"{split}.npy", rows, seed) for split, rows in kept.items()}
    classes = next(iter(listings.values())).classes
    splits = {
        split: (listing.labels[kept[split]], [listing.names[i] for i in kept[split]])
        for split, listing in listings.items()
        if kept[split]
    }
    record = {"fit": reading.fit, "range": None if scale is None else [scale.low, scale.high]}
    write_entry(folder, splits, classes, [*quarantined, *left_out], [*notes, *said], record)


def _scaled(
    listings: Mapping[str, Listing], folder: Path, reading: Reading, progress: Progress | None
) -> tuple[dict[str, list[int]], list[Quarantined], list[str], Scale | None]:
    """`_write` once it is known whether any image is coloured, and where black and white lie over all of them."""
    scale: Scale | None = None
    noted: list[str] = []
    surveyed = False
    if reading.range is not None:
        scale, noted, surveyed = *_survey(listings, reading), True
    while True:
        try:
            kept, quarantined, seen = _write(listings, folder, reading, scale, surveyed, progress)
        except _Mixed:
            reading = replace(reading, channels=3)
        except _Deep:
            scale, noted, surveyed = *_survey(listings, reading), True
        else:
            break
    if not surveyed:
        _, dark = choose_scale(seen.values, None)
        noted = [dark] if dark else []
    square = reading.sides
    return kept, quarantined, [*noted, *seen.sentences(reading.fit, square)], scale


def _survey(listings: Mapping[str, Listing], reading: Reading) -> tuple[Scale | None, list[str]]:
    """Finds black and white over all images, each of which is decoded for it."""
    seen = Seen()
    for listing in listings.values():
        images = listing.read(np.arange(len(listing)))
        with closing(scan(images, size=None, channels=reading.channels)) as results:
            for name, result in zip(listing.names, results, strict=True):
                if not isinstance(result, str):
                    seen.note(name, result)
    scale, said = choose_scale(seen.values, reading.range)
    return scale, [said] if said else []


def _write(
    listings: Mapping[str, Listing],
    folder: Path,
    reading: Reading,
    scale: Scale | None,
    surveyed: bool,
    progress: Progress | None,
) -> tuple[dict[str, list[int]], list[Quarantined], Seen]:
    """Decodes every split into a file of pixels; returns the positions kept, what was set aside, and what was met."""
    kept: dict[str, list[int]] = {split: [] for split in listings}
    quarantined: list[Quarantined] = []
    total = sum(len(listing) for listing in listings.values())
    first: tuple[str, np.ndarray] | None = None
    square = reading.sides
    seen, options = Seen(), {"channels": reading.channels, "fit": reading.fit}

    def good(split: str, listing: Listing) -> Iterator[np.ndarray]:
        nonlocal first
        images = listing.read(np.arange(len(listing)))
        with closing(scan(images, size=square, scale=scale, **options)) as results:
            for row, (name, result) in enumerate(zip(listing.names, results, strict=True)):
                if isinstance(result, str):
                    quarantined.append(Quarantined(name, split, result))
                else:
                    if result.values.bits > 8 and not result.values.known and not surveyed:
                        raise _Deep
                    first = first or (name, result.pixels)
                    _check_alike(first, (name, result.pixels))
                    kept[split].append(row)
                    seen.note(name, result)
                    seen.twins.note(split, int(listing.labels[row]), name, result.pixels)
                    yield result.pixels
                done = len(quarantined) + sum(map(len, kept.values()))
                if progress and (done % 100 == 0 or done == total):
                    progress(done, total)

    for split, listing in listings.items():
        write_pixels(folder / f"{split}.npy", good(split, listing))
    return kept, quarantined, seen


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
