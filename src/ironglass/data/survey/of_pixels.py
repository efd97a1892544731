"""The survey of a data set's images as a network reads them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.data.decoding.decode import Decoded
from ironglass.data.decoding.depth import Values
from ironglass.data.survey.image_facts import THUMB, TINT, image_facts
from ironglass.data.survey.survey import Survey
from ironglass.types import Progress

STEP = 500
_MEASURED = ("darkest", "lightest", "contrast", "detail", "digest")
_AS_READ = Values(low=0.0, high=255.0, bits=8)


def survey_of(dataset: Dataset, sizes: np.ndarray | None = None, progress: Progress | None = None) -> Survey:
    """Measures every image once, at the size and in the values that the network reads; nothing is decoded anew.

    `detail` is NaN where an image is not known to be stored at the size that is read or a larger one: an enlarged one
    is smooth.

    sizes: width and height of each image as stored, (n, 2), split after split; None or NaN where they are not known.
    progress: called for every STEP images.
    """
    total = sum(map(len, dataset.splits.values()))
    thumbs, tints = np.empty((total, THUMB, THUMB), np.uint8), np.empty((total, TINT, TINT, 2), np.uint8)
    columns: dict[str, list[Any]] = {name: [] for name in _MEASURED}
    for split in dataset.splits.values():
        for pixels in np.asarray(split.pixels):  # without the cost of numpy's memmap for every row
            done = len(columns["digest"])
            facts = image_facts(_as_decoded(pixels))
            thumbs[done], tints[done] = facts.thumb, facts.tint
            for name, values in columns.items():
                values.append(getattr(facts, name))
            if progress and (done + 1) % STEP == 0:
                progress(done + 1, total)
    read = np.array(dataset.size[::-1], dtype=np.float64)
    upright = np.where(np.isnan(sizes), read, sizes) if sizes is not None else np.tile(read, (total, 1))
    digests = tuple(columns.pop("digest"))
    enlarged = np.ones(total, dtype=bool) if sizes is None else ~(sizes >= read).all(1)
    columns["detail"] = np.where(enlarged, np.nan, columns["detail"]).tolist()
    return Survey(
        name=dataset.name,
        classes=tuple(dataset.classes),
        splits=tuple(dataset.splits),
        split=np.repeat(np.arange(len(dataset.splits)), [len(split) for split in dataset.splits.values()]),
        labels=np.concatenate([split.labels for split in dataset.splits.values()]),
        names=tuple(name for split in dataset.splits.values() for name in split.names),
        width=upright[:, 0],
        height=upright[:, 1],
        bits=np.full(total, 8),
        low=np.zeros(total),
        high=np.full(total, 255.0),
        modes=("L" if dataset.channels == 1 else "RGB",) * total,
        digests=digests,
        thumbs=thumbs,
        tints=tints,
        unread=tuple(dataset.quarantined),
        notes=(),
        **{name: np.array(values) for name, values in columns.items()},
    )


def _as_decoded(pixels: np.ndarray) -> Decoded:
    """An image (h, w, c), uint8 or float in [0, 1], in the form that `image_facts` measures."""
    if pixels.dtype != np.uint8:
        pixels = np.round(pixels * 255).astype(np.uint8)
    return Decoded(pixels, _AS_READ)
