"""A data set: named splits of stored pixels, their labels and their class names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from ironglass.data.pixels import check_pixels, to_images
from ironglass.data.wordnet import words_of
from ironglass.errors import InputError
from ironglass.types import Images, Labels, Pixels

_MAX_NAMES = 10


@dataclass(frozen=True, repr=False)
class Split:
    """Images of one split, often a memory-mapped file, with labels and names.

    pixels: uint8, or float in [0, 1], (n, h, w, c): channels last, as convolutions like them best.
    labels: whole numbers of at least 0, (n,); kept as int64.
    names: (n,), where each image came from, relative to the source; by default numbered.
    digest: of all pixels, in their order; "" where nobody took it.
    attributes: further texts an image, (n,) each, by name, as a column of the data's table.

    Raises InputError for other types, shapes, ranges and lengths.
    """

    pixels: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...] = ()
    digest: str = ""
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pixels = check_pixels(self.pixels)
        labels = _check_labels(self.labels, len(pixels))
        names = tuple(self.names) or tuple(f"image-{i:05d}" for i in range(len(pixels)))
        if len(names) != len(pixels):
            raise InputError(f"there are {len(names)} names and {len(pixels)} images: give one name an image")
        for attribute, texts in self.attributes.items():
            if len(texts) != len(pixels):
                raise InputError(f"attribute {attribute!r} has {len(texts)} texts and there are {len(pixels)} images")
        for field_name, value in (("pixels", pixels), ("labels", labels), ("names", names)):
            object.__setattr__(self, field_name, value)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({self._summary()})"

    def _summary(self) -> str:
        height, width, channels = self.pixels.shape[1:]
        return f"{len(self):,} images of {width} × {height} × {channels}, {self.pixels.dtype}"

    def sample(self, n: int, seed: int = 0) -> tuple[Images, Labels]:
        """n images, drawn by the seed without repetition, as float32 in [0, 1], (n, c, h, w), and their labels.

        Raises InputError for more images than there are.
        """
        if not 1 <= n <= len(self):
            raise InputError(f"cannot draw {n} of {len(self)} images: give 1 to {len(self)}")
        return self[np.random.default_rng(seed).permutation(len(self))[:n]]

    def batch(self, index: np.ndarray | slice) -> tuple[Pixels, Labels]:
        """The stored pixels (n, c, h, w), uint8 or float32, in channels-last memory, and the labels."""
        dtype = np.uint8 if self.pixels.dtype == np.uint8 else np.float32
        pixels = np.ascontiguousarray(self.pixels[index], dtype=dtype)
        if not pixels.flags.writeable or np.may_share_memory(pixels, self.pixels):
            pixels = pixels.copy()
        return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(self.labels[index].copy())

    def stored(self, index: np.ndarray | slice) -> np.ndarray:
        """The images at `index` as files keep them: (n, h, w, c), uint8 or float32 in [0, 1], a copy."""
        return self.batch(index)[0].permute(0, 2, 3, 1).contiguous().numpy()

    def __getitem__(self, index: int | slice | list[int] | np.ndarray) -> tuple[Images, Labels]:
        """Images as float32 in [0, 1], (n, c, h, w), and their labels; a single position gives n = 1."""
        if isinstance(index, int):
            if not -len(self) <= index < len(self):  # makes a Split iterable, image by image
                raise IndexError(f"image {index} of {len(self)}")
            index = [index]
        pixels, labels = self.batch(index if isinstance(index, slice) else np.asarray(index))
        return to_images(pixels), labels

    def take(self, index: np.ndarray | slice) -> Split:
        """A smaller split of the images at `index`."""
        positions = np.arange(len(self))[index]
        names = tuple(self.names[i] for i in positions)
        attributes = {name: tuple(texts[i] for i in positions) for name, texts in self.attributes.items()}
        return Split(self.pixels[index], self.labels[index], names, attributes=attributes)


def _check_labels(labels: Any, n: int) -> np.ndarray:
    array = labels.detach().cpu().numpy() if isinstance(labels, torch.Tensor) else np.asarray(labels)
    if array.shape == (0,):
        array = array.astype(np.int64)
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"labels are {array.dtype}: give whole numbers, positions in the list of classes")
    if array.shape != (n,):
        raise InputError(f"labels have shape {array.shape} and there are {n} images: give one label an image, ({n},)")
    if n and array.min() < 0:
        raise InputError(f"a label is {array.min()}: labels are positions in the list of classes, from 0 on")
    if n and array.max() > np.iinfo(np.int64).max:
        raise InputError(f"a label is {array.max()}: labels are positions in the list of classes")
    return array.astype(np.int64, copy=False)


@dataclass(frozen=True)
class Quarantined:
    """A file that could not be decoded, and why."""

    name: str
    split: str
    reason: str


@dataclass(frozen=True, repr=False)
class Dataset:
    """Named splits with one list of classes.

    name: for people.
    splits: by name; those called train, validation and test are also attributes.
    classes: names, in the order of the labels.
    fingerprint: changes with the source's paths, sizes and modification times, with parts of a few files, and with
        every option that shapes the pixels or the cut.
    quarantined: files that were left out, with reasons.
    notes: what was assumed or left out when the images were read, a sentence each.
    reading: `fit`, and `range`, the stored values that are black and white, where files were not scaled by 255.
    contents: a digest of the pixels, labels, names and classes, whatever the files' dates; "" where nobody took it.

    Raises InputError for a label beyond the classes, and for splits of different sizes.
    """

    name: str
    splits: Mapping[str, Split]
    classes: tuple[str, ...]
    fingerprint: str
    quarantined: tuple[Quarantined, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())
    reading: Mapping[str, Any] = field(default_factory=dict)
    contents: str = ""

    def __post_init__(self) -> None:
        if not self.splits:
            raise InputError(f"{self.name} has no split: give at least one, for instance test")
        (first, reference), *_ = self.splits.items()
        for name, split in self.splits.items():
            if split.pixels.shape[1:] != reference.pixels.shape[1:]:
                shapes = f"{split.pixels.shape[1:]} and of {first} {reference.pixels.shape[1:]}"
                raise InputError(f"images of {name} are of shape {shapes}: bring them to one")
            if len(split) and split.labels.max() >= len(self.classes):
                raise InputError(
                    f"{name} has the label {split.labels.max()} and there are {len(self.classes)} classes,"
                    f" numbered 0 to {len(self.classes) - 1}: name every class"
                )

    def __repr__(self) -> str:
        class_list = ", ".join(self.classes[:_MAX_NAMES]) + (", …" if len(self.classes) > _MAX_NAMES else "")
        width = max(map(len, self.splits))
        lines = [f"  {name:<{width}}  {split._summary()}" for name, split in self.splits.items()]
        excluded = [f"  left out: {len(self.quarantined)}"] if self.quarantined else []
        notes = [f"  note: {note}" for note in self.notes]
        return "\n".join(
            [f"Dataset {self.name!r}, {len(self.classes)} classes: {class_list}", *lines, *excluded, *notes]
        )

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
        """Record for `data.json`: counts per split and class, the quarantined files and why, the notes, and words for
        classes that are WordNet ids."""
        words = words_of(self.classes)
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "contents": self.contents,
            "size": list(self.size),
            "channels": self.channels,
            "classes": list(self.classes),
            "splits": {
                name: {
                    "images": len(split),
                    "per_class": np.bincount(split.labels, minlength=len(self.classes)).tolist(),
                }
                | ({"pixels": split.digest} if split.digest else {})
                for name, split in self.splits.items()
            },
            "quarantined": [vars(file) for file in self.quarantined],
            "notes": list(self.notes),
            "reading": dict(self.reading),
        } | ({"words": words} if words else {})
