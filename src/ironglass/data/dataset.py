"""A data set: named splits of stored pixels, their labels and their class names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

from ironglass.data.wordnet import words_of
from ironglass.errors import InputError
from ironglass.types import Images, Labels, Pixels


@dataclass(frozen=True)
class Split:
    """Images of one split, as bytes, often a memory-mapped file, and what is known of each.

    pixels: uint8, (n, h, w, c): channels last, as convolutions like them best. labels: int64, (n,).
    names: (n,), where each image came from, relative to the source.
    """

    pixels: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: np.ndarray | slice) -> tuple[Pixels, Labels]:
        """The bytes (n, c, h, w), in channels-last memory, and the labels."""
        pixels = np.ascontiguousarray(self.pixels[index])
        if not pixels.flags.writeable or np.may_share_memory(pixels, self.pixels):
            pixels = pixels.copy()
        return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(self.labels[index].copy())

    def __getitem__(self, index: int | slice | list[int] | np.ndarray) -> tuple[Images, Labels]:
        """Images as float32 in [0, 1], (n, c, h, w), and their labels; a single position gives n = 1."""
        if isinstance(index, int):
            if not -len(self) <= index < len(self):  # makes a Split iterable, image by image
                raise IndexError(f"image {index} of {len(self)}")
            index = [index]
        pixels, labels = self.batch(index if isinstance(index, slice) else np.asarray(index))
        return pixels.float().div_(255), labels

    def take(self, index: np.ndarray | slice) -> Split:
        """A smaller split of the images at `index`."""
        positions = np.arange(len(self))[index]
        return Split(self.pixels[index], self.labels[index], tuple(self.names[i] for i in positions))


@dataclass(frozen=True)
class Quarantined:
    """A file that could not be decoded, and why."""

    name: str
    split: str
    reason: str


@dataclass(frozen=True)
class Dataset:
    """Named splits with one list of classes.

    `fingerprint` changes with the source's paths, sizes and modification times, and with every option that shapes the
    pixels or the cut. notes: what was assumed or left out when the images were read, a sentence each.
    """

    name: str
    splits: Mapping[str, Split]
    classes: tuple[str, ...]
    fingerprint: str
    quarantined: tuple[Quarantined, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, split: str) -> Split:
        if split not in self.splits:
            raise InputError(f"{self.name} has no split {split!r}: it has {', '.join(self.splits)}")
        return self.splits[split]

    @property
    def train(self) -> Split:
        """The images to learn from."""
        return self["train"]

    @property
    def validation(self) -> Split:
        """The images to choose by."""
        return self["validation"]

    @property
    def test(self) -> Split:
        """The images to report on."""
        return self["test"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = next(iter(self.splits.values())).pixels.shape[1:3]
        return height, width

    @property
    def channels(self) -> int:
        """1 for grey images, 3 for colour."""
        return next(iter(self.splits.values())).pixels.shape[3]

    def describe(self) -> dict:
        """What `data.json` records: counts per split and class, the quarantined files and why, the notes, and words for
        classes that are WordNet ids."""
        words = words_of(self.classes)
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "size": list(self.size),
            "channels": self.channels,
            "classes": list(self.classes),
            "splits": {
                name: {
                    "images": len(split),
                    "per_class": np.bincount(split.labels, minlength=len(self.classes)).tolist(),
                }
                for name, split in self.splits.items()
            },
            "quarantined": [vars(file) for file in self.quarantined],
            "notes": list(self.notes),
        } | ({"words": words} if words else {})
