"""From listings to a cache entry: split, decode, quarantine, write."""

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
from ironglass.data.sources.attributes import columns_notes
from ironglass.data.splits import complete
from ironglass.data.twins import Twins
from ironglass.errors import InputError
from ironglass.types import Progress

MAX_QUARANTINED_SHARE = 0.05
MAX_SILENT_CROP = 1 / 3
"""Share of an image that a crop may drop without a note."""


class _MixedChannels(Exception):
    """Grey images and colour images in one data set."""


class _NeedsScale(Exception):
    """An image of more than 8 bits a value, whose scale depends on all the others."""


@dataclass(frozen=True)
class Reading:
    """Settings of the conversion of images to pixels.

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
class Observations:
    """Observations made while decoding: stored values, and names of cropped, animated and transparent images."""

    values: list[Values] = field(default_factory=list)
    cropped: list[str] = field(default_factory=list)
    animated: list[str] = field(default_factory=list)
    transparent: list[str] = field(default_factory=list)
    twins: Twins = field(default_factory=Twins)
    _same: dict[Values, Values] = field(default_factory=dict)

    def note(self, name: str, decoded: Decoded) -> None:
        """Records one image."""
        self.values.append(self._same.setdefault(decoded.values, decoded.values))
        observations = (
            (self.cropped, decoded.dropped > MAX_SILENT_CROP),
            (self.animated, decoded.animated),
            (self.transparent, decoded.transparent),
        )
        for names, is_observed in observations:
            if is_observed:
                names.append(name)

    def sentences(self, fit: Fit, size: tuple[int, int] | None) -> list[str]:
        """Sentences for the user."""
        n, sentences = len(self.values), []
        if fit != "crop" and size is not None:
            treatment = "stretched" if fit == "stretch" else "scaled to fit, with black beside them"
            sentences.append(f"images that are not {size[1]} × {size[0]} are {treatment} (--fit {fit})")
        if self.cropped:
            sentences.append(
                f"the crop drops more than a third of {len(self.cropped):,} of {n:,} images, as of {self.cropped[0]}:"
                " --fit letterbox or --fit stretch keeps all of them"
            )
        if self.animated:
            sentences.append(
                f"of {len(self.animated):,} of {n:,} files the first frame or page is taken, as of {self.animated[0]}"
            )
        if self.transparent:
            sentences.append(f"{len(self.transparent):,} of {n:,} images are partly transparent and laid over white")
        return [*sentences, *self.twins.sentences()]


def build(
    listings: Mapping[str, Listing], folder: Path, reading: Reading, *, seed: int, progress: Progress | None
) -> None:
    """Writes one cache entry: decodes every image of `listings` into `folder`, cuts missing splits, shuffles each.

    seed: of the cut, and of the order of each split.

    Raises InputError where more than 5 % of the images have no label or cannot be decoded, a class of the first split
    loses all of its images, or images differ in size and `size` is None.
    """
    unlabelled = [
        Quarantined(listing.names[i], split, "no label")
        for split, listing in listings.items()
        for i in np.flatnonzero(listing.labels < 0).tolist()
    ]
    excluded = [Quarantined(name, split, why) for split, listing in listings.items() for name, why in listing.left_out]
    of_listings = [note for listing in listings.values() for note in listing.notes]
    notes = list(dict.fromkeys([*of_listings, *columns_notes(listings)]))
    listings = {split: listing.take(np.flatnonzero(listing.labels >= 0)) for split, listing in listings.items()}
    listings = complete(listings, seed)
    rows, quarantined, scan_notes, scale = _scaled(listings, folder, reading, progress)
    quarantined = [*unlabelled, *quarantined]
    _check_enough_left(listings, rows, quarantined)
    rows = {split: _shuffle(folder / f"{split}.npy", rows_of_split, seed) for split, rows_of_split in rows.items()}
    classes = next(iter(listings.values())).classes
    splits = {
        split: (listing.labels[rows[split]], [listing.names[i] for i in rows[split]])
        for split, listing in listings.items()
        if rows[split]
    }
    record = {"fit": reading.fit, "range": None if scale is None else [scale.low, scale.high]}
    write_entry(folder, splits, classes, [*quarantined, *excluded], [*notes, *scan_notes], record)


def _scaled(
    listings: Mapping[str, Listing], folder: Path, reading: Reading, progress: Progress | None
) -> tuple[dict[str, list[int]], list[Quarantined], list[str], Scale | None]:
    """Runs `_write` with the number of channels and the value range that all images have in common."""
    scale: Scale | None = None
    scale_notes: list[str] = []
    surveyed = False
    if reading.range is not None:
        scale, scale_notes, surveyed = *_survey(listings, reading), True
    while True:
        try:
            rows, quarantined, observations = _write(listings, folder, reading, scale, surveyed, progress)
        except _MixedChannels:
            reading = replace(reading, channels=3)
        except _NeedsScale:
            scale, scale_notes, surveyed = *_survey(listings, reading), True
        else:
            break
    if not surveyed:
        _, dark_note = choose_scale(observations.values, None)
        scale_notes = [dark_note] if dark_note else []
    size = reading.sides
    return rows, quarantined, [*scale_notes, *observations.sentences(reading.fit, size)], scale


def _survey(listings: Mapping[str, Listing], reading: Reading) -> tuple[Scale | None, list[str]]:
    """Finds the value range over all images, by decoding each of them."""
    observations = Observations()
    for listing in listings.values():
        images = listing.read(np.arange(len(listing)))
        with closing(scan(images, size=None, channels=reading.channels)) as results:
            for name, result in zip(listing.names, results, strict=True):
                if not isinstance(result, str):
                    observations.note(name, result)
    scale, note = choose_scale(observations.values, reading.range)
    return scale, [note] if note else []


def _write(
    listings: Mapping[str, Listing],
    folder: Path,
    reading: Reading,
    scale: Scale | None,
    surveyed: bool,
    progress: Progress | None,
) -> tuple[dict[str, list[int]], list[Quarantined], Observations]:
    """Decodes every split into a file of pixels; returns the rows kept, the quarantined files and the observations."""
    rows: dict[str, list[int]] = {split: [] for split in listings}
    quarantined: list[Quarantined] = []
    total = sum(len(listing) for listing in listings.values())
    first: tuple[str, np.ndarray] | None = None
    size = reading.sides
    observations, options = Observations(), {"channels": reading.channels, "fit": reading.fit}

    def decoded_pixels(split: str, listing: Listing) -> Iterator[np.ndarray]:
        nonlocal first
        images = listing.read(np.arange(len(listing)))
        with closing(scan(images, size=size, scale=scale, **options)) as results:
            for row, (name, result) in enumerate(zip(listing.names, results, strict=True)):
                if isinstance(result, str):
                    quarantined.append(Quarantined(name, split, result))
                else:
                    if result.values.bits > 8 and not result.values.known and not surveyed:
                        raise _NeedsScale
                    first = first or (name, result.pixels)
                    _check_same_shape(first, (name, result.pixels))
                    rows[split].append(row)
                    observations.note(name, result)
                    observations.twins.note(split, int(listing.labels[row]), name, result.pixels)
                    yield result.pixels
                done = len(quarantined) + sum(map(len, rows.values()))
                if progress and (done % 100 == 0 or done == total):
                    progress(done, total)

    for split, listing in listings.items():
        write_pixels(folder / f"{split}.npy", decoded_pixels(split, listing))
    return rows, quarantined, observations


def _shuffle(path: Path, rows: list[int], seed: int) -> list[int]:
    """Shuffles a split's file of pixels, and the rows it was made of, by the seed.

    Sources list their images class by class; after shuffling, the first images represent the split.
    """
    if len(rows) < 2:
        return rows
    order = np.random.default_rng([seed, *path.stem.encode()]).permutation(len(rows))
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    ordered = path.with_name(f"{path.stem}.ordered.npy")
    write_pixels(ordered, (pixels[i] for i in order))
    ordered.replace(path)
    return [rows[i] for i in order]


def _check_same_shape(first: tuple[str, np.ndarray], second: tuple[str, np.ndarray]) -> None:
    (height, width, channels), (h, w, c) = first[1].shape, second[1].shape
    if (h, w) != (height, width):
        raise InputError(f"{first[0]} is {width} × {height} pixels and {second[0]} {w} × {h}: bring them to one --size")
    if c != channels:
        raise _MixedChannels


def _check_enough_left(
    listings: Mapping[str, Listing], rows: Mapping[str, list[int]], quarantined: list[Quarantined]
) -> None:
    total = sum(len(listing) for listing in listings.values())
    summary = (
        f"{len(quarantined)} of {total} images are bad, as {quarantined[0].name}: {quarantined[0].reason}"
        if quarantined
        else ""
    )
    if len(quarantined) > MAX_QUARANTINED_SHARE * total:
        raise InputError(f"{summary}; mend or remove them")
    split, listing = next(iter(listings.items()))
    for label in np.setdiff1d(listing.labels, listing.labels[rows[split]]):
        raise InputError(f"the class {listing.classes[label]!r} has no image left in {split}: {summary}")
