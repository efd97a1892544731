"""Every image of a data set measured once as it is stored, before it is brought to a size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ironglass.data.dataset import Quarantined
from ironglass.data.decoding.depth import Scale, Values, choose_scale
from ironglass.data.decoding.scan import attempt, in_threads
from ironglass.data.files.plain import printable
from ironglass.data.find_source import find_source
from ironglass.data.leave_out import check_names, read_list
from ironglass.data.only import class_positions
from ironglass.data.source import ColumnRequest, Encoded, Listing
from ironglass.data.splits import complete, same_classes
from ironglass.data.survey.image_facts import THUMB, TINT, ImageFacts, image_facts
from ironglass.errors import InputError
from ironglass.types import Progress

_STEP = 500


@dataclass(frozen=True)
class Survey:
    """Facts of the n images of a data set, split after split, in the order of the source.

    name: of the data set.
    classes: names, in the order of the labels.
    splits: names, in the order of the images.
    split: (n,), positions in `splits`.
    labels: (n,), positions in `classes`.
    names: n, as of `Split`.
    width, height, bits: (n,), whole numbers.
    low, high: (n,), stored values.
    darkest, lightest, contrast, detail: (n,), as of `ImageFacts`.
    modes: n, Pillow's words.
    digests: n, of the pixels.
    thumbs: uint8, (n, THUMB, THUMB), grey.
    tints: uint8, (n, TINT, TINT, 2), chroma.
    unread: files without a label, and files that could not be decoded.
    notes: what was assumed, a sentence each.
    """

    name: str
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    split: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    width: np.ndarray
    height: np.ndarray
    bits: np.ndarray
    low: np.ndarray
    high: np.ndarray
    darkest: np.ndarray
    lightest: np.ndarray
    contrast: np.ndarray
    detail: np.ndarray
    modes: tuple[str, ...]
    digests: tuple[bytes, ...]
    thumbs: np.ndarray
    tints: np.ndarray
    unread: tuple[Quarantined, ...]
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Surveyed:
    """A survey, and the images behind it.

    listings: of each split, as they were surveyed.
    rows: of each image of the survey, its row in the listing of its split.
    scale: of images of more than 8 bits a value; None where there are none.
    """

    survey: Survey
    listings: Mapping[str, Listing]
    rows: np.ndarray
    scale: Scale | None

    def images(self, positions: Sequence[int]) -> dict[int, np.ndarray]:
        """Some images, decoded anew at their own size, uint8 (h, w, c), by their positions in the survey."""
        images: dict[int, np.ndarray] = {}
        for number, name in enumerate(self.survey.splits):
            rows = sorted((int(self.rows[i]), i) for i in {*positions} if self.survey.split[i] == number)
            encoded = self.listings[name].read(np.asarray([row for row, _ in rows], dtype=int))
            with closing(in_threads(encoded, self._decoded)) as results:
                images |= dict(zip([i for _, i in rows], results, strict=True))
        return images

    def _decoded(self, encoded: Encoded) -> np.ndarray:
        image = attempt(encoded, None, None, "crop", self.scale)
        if isinstance(image, str):
            raise InputError(f"an image could be read a moment ago, and cannot now ({image}): inspect again")
        return image.pixels


def survey(
    spec: str | Path,
    *,
    image_column: str | None = None,
    label_column: str | None = None,
    splits: Mapping[str, str] | None = None,
    classes: Sequence[str] = (),
    leave_out: str | Path | None = None,
    range: tuple[float, float] | None = None,
    download: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> Surveyed:
    """Decodes every image once at its own size and measures it; the splits are those of `load_dataset`.

    Arguments are as of `load_dataset`. Raises InputError for data that are not there, and where no image can be read.
    """
    request = ColumnRequest(image_column, label_column, dict(splits or {}))
    source = find_source(str(spec), request, download)
    listings = same_classes(source.listings())
    notes = list(dict.fromkeys(note for listing in listings.values() for note in listing.notes))
    unread = [Quarantined(name, split, why) for split, one in listings.items() for name, why in one.left_out]
    for split, listing in listings.items():
        bare = np.flatnonzero(listing.labels < 0).tolist()
        unread += [Quarantined(listing.names[i], split, "no label") for i in bare]
        listings[split] = listing.take(np.flatnonzero(listing.labels >= 0))
    listings = complete(listings, seed)
    names = next(iter(listings.values())).classes
    if classes:
        chosen_classes = class_positions(source.name, names, classes)
        listings = {
            split: one.take(np.flatnonzero(np.isin(one.labels, chosen_classes))) for split, one in listings.items()
        }
    if leave_out is not None:
        listings = _without(listings, {*read_list(leave_out)}, unread, leave_out)
    measured, scale, scale_notes = _scaled(listings, range, progress)
    bad = measured.bad
    if not measured.rows:
        first = f", as {bad[0].name}: {bad[0].reason}" if bad else ""
        raise InputError(f"{printable(spec)[:300]}: none of its {len(bad):,} images can be read{first}")
    return _collected(source.name, names, listings, measured, (*unread, *bad), (*notes, *scale_notes), scale)


def _without(
    listings: Mapping[str, Listing], names: set[str], unread: Sequence[Quarantined], path: str | Path
) -> dict[str, Listing]:
    present = {name for one in listings.values() for name in one.names} | {file.name for file in unread}
    check_names(names, present, path)
    return {
        split: one.take(np.flatnonzero([name not in names for name in one.names])) for split, one in listings.items()
    }


@dataclass(frozen=True)
class _Measured:
    """Of each image that could be read its split, row, facts and stored values, and thumbnails; and the bad files."""

    rows: list[tuple[str, int, ImageFacts, Values]]
    thumbs: np.ndarray
    tints: np.ndarray
    bad: list[Quarantined]


def _scaled(
    listings: Mapping[str, Listing], stated: tuple[float, float] | None, progress: Progress | None
) -> tuple[_Measured, Scale | None, list[str]]:
    """Measures the images; again where some are of more than 8 bits a value, whose scale depends on them all."""
    measured = _measured(listings, None, progress)
    scale, note = choose_scale((values for *_, values in measured.rows), stated)
    if scale is not None:
        measured = _measured(listings, scale, progress)
    return measured, scale, [note] if note else []


def _measured(listings: Mapping[str, Listing], scale: Scale | None, progress: Progress | None) -> _Measured:
    total, done = sum(map(len, listings.values())), 0
    rows: list[tuple[str, int, ImageFacts, Values]] = []
    bad: list[Quarantined] = []
    same: dict[Values, Values] = {}
    thumbs, tints = np.empty((total, THUMB, THUMB), np.uint8), np.empty((total, TINT, TINT, 2), np.uint8)

    def measured(encoded: Encoded) -> tuple[ImageFacts, Values] | str:
        image = attempt(encoded, None, None, "crop", scale)
        return image if isinstance(image, str) else (image_facts(image), image.values)

    for split, listing in listings.items():
        with closing(in_threads(listing.read(np.arange(len(listing))), measured)) as results:
            for row, outcome in enumerate(results):
                if isinstance(outcome, str):
                    bad.append(Quarantined(listing.names[row], split, outcome))
                else:
                    i, (facts, values) = len(rows), outcome
                    thumbs[i], tints[i] = facts.thumb, facts.tint
                    facts = replace(facts, thumb=thumbs[i], tint=tints[i])  # views, so that nothing is held twice
                    rows.append((split, row, facts, same.setdefault(values, values)))
                done += 1
                if progress and (done % _STEP == 0 or done == total):
                    progress(done, total)
    return _Measured(rows, thumbs[: len(rows)], tints[: len(rows)], bad)


def _collected(
    name: str,
    classes: tuple[str, ...],
    listings: Mapping[str, Listing],
    measured: _Measured,
    unread: tuple[Quarantined, ...],
    notes: Iterable[str],
    scale: Scale | None,
) -> Surveyed:
    splits = tuple(split for split, listing in listings.items() if len(listing))
    facts = [one for _, _, one, _ in measured.rows]

    def column(field: str, kind: type) -> np.ndarray:
        return np.fromiter((getattr(one, field) for one in facts), kind, len(facts))

    def of_listing(field: str) -> Iterator[str | int]:
        return (getattr(listings[split], field)[row] for split, row, *_ in measured.rows)

    integers = {
        field: column(field, np.int32) for field in ("width", "height", "bits", "darkest", "lightest", "contrast")
    }
    real = {field: column(field, np.float64) for field in ("low", "high", "detail")}
    table = Survey(
        name=name,
        classes=classes,
        splits=splits,
        split=np.array([splits.index(split) for split, *_ in measured.rows], dtype=np.int64),
        labels=np.array(list(of_listing("labels")), dtype=np.int64),
        names=tuple(map(str, of_listing("names"))),
        modes=tuple(one.mode for one in facts),
        digests=tuple(one.digest for one in facts),
        thumbs=measured.thumbs,
        tints=measured.tints,
        unread=unread,
        notes=tuple(notes),
        **integers,
        **real,
    )
    return Surveyed(table, listings, np.array([row for _, row, *_ in measured.rows], dtype=np.int64), scale)
