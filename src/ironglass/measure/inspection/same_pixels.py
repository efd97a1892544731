"""Images of the same pixels, as a network reads them, within and across the splits of a data set."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.data.survey.image_facts import pixel_digest
from ironglass.measure.inspection.duplicates import duplicate_groups
from ironglass.types import Progress

STEP = 2000
"""Images between two reports of progress; smaller data sets report none."""


@dataclass(frozen=True)
class SamePixels:
    """Images of the same pixels among the n images of a data set, split after split.

    splits: names, in the order of the images.
    split: (n,), positions in `splits`.
    labels: (n,), positions in the list of classes.
    groups: positions of the images of each group of two or more.
    within: bool, (n,): another image of the same split has the pixels.
    across: bool, (n,): an image of another split has them.
    two_labels: bool, (n,): an image of another label has them.
    contents: a digest of the pixels, labels, names, splits and classes.
    """

    splits: tuple[str, ...]
    split: np.ndarray
    labels: np.ndarray
    groups: tuple[np.ndarray, ...]
    within: np.ndarray
    across: np.ndarray
    two_labels: np.ndarray
    contents: str = ""

    def also_in(self, split: str, other: str) -> np.ndarray:
        """The images of `split`, bool, (images of it,), whose pixels are in `other`; none where both are one split,
        or there is no `other`."""
        marks = np.zeros(len(self.split), dtype=bool)
        if split != other and other in self.splits:
            number = self.splits.index(other)
            for group in self.groups:
                marks[group] = (self.split[group] == number).any()
        return marks[self.split == self.splits.index(split)]


def same_pixels(dataset: Dataset, progress: Progress | None = None) -> SamePixels:
    """Groups the images of all splits by their pixels; each image is read once."""
    splits = tuple(dataset.splits)
    digests: list[bytes] = []
    total = sum(map(len, dataset.splits.values()))
    for split in dataset.splits.values():
        for pixels in np.asarray(split.pixels):  # without the cost of numpy's memmap for every row
            digests.append(pixel_digest(pixels))
            done = len(digests)
            if progress and (done % STEP == 0 or STEP <= done == total):
                progress(done, total)
    numbers = np.repeat(np.arange(len(splits)), [len(split) for split in dataset.splits.values()])
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    groups = tuple(duplicate_groups(digests))
    within, across, two_labels = (np.zeros(total, dtype=bool) for _ in range(3))
    for group in groups:
        in_split = np.bincount(numbers[group])[numbers[group]]
        within[group], across[group] = in_split > 1, in_split < len(group)
        two_labels[group] = len({*labels[group].tolist()}) > 1
    return SamePixels(splits, numbers, labels, groups, within, across, two_labels, _contents(dataset, digests))


def _contents(dataset: Dataset, digests: list[bytes]) -> str:
    """A digest of the images, which has to differ where anything that a search reads does."""
    digest = hashlib.blake2b(b"".join(digests), digest_size=16)
    digest.update(json.dumps(list(dataset.classes)).encode())
    for name, split in dataset.splits.items():
        digest.update(json.dumps([name, list(split.names)]).encode() + np.ascontiguousarray(split.labels).tobytes())
    return digest.hexdigest()
