"""One image file, or a folder of them, as data: no labels, so what the network reads stands for the true classes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ironglass.data.build import Reading
from ironglass.data.cache.store import fingerprint
from ironglass.data.dataset import Dataset, Split
from ironglass.data.decoding.formats import is_image
from ironglass.data.files.plain import open_plain, printable
from ironglass.data.images import load_images
from ironglass.data.sources.table import tables_in
from ironglass.data.sources.walk import below, stamps
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of

PREDICTED = "predicted"
"""`labels` of a data set's reading, where they are what the network says."""


def is_single_image(spec: str) -> bool:
    """Tells by its bytes whether `spec` is the path of an image file."""
    path = Path(spec)
    if not os.path.isfile(path):  # noqa: PTH113  (False, too, for names that no file can bear)
        return False
    try:
        with open_plain(path) as file:
            return is_image(file.read(64))
    except OSError:
        return False


def is_flat_folder(spec: str) -> bool:
    """True for the path of a folder of images with neither folders of images in it nor a table of labels."""
    path = _path(spec)
    if not os.path.isdir(path):  # noqa: PTH112  (False, too, for names that no folder can bear)
        return False
    files = below(path)
    return (
        bool(files.images) and all(file.parent == path for file in files.images) and not tables_in(path, files.others)
    )


def load_single(spec: str, classifier: Classifier, reading: Reading) -> Dataset:
    """The images at `spec`, a file or a folder, as the test split of a data set, labelled with their predictions.

    They are brought to the classifier's size. Raises InputError where none can be decoded.
    """
    path = _path(spec)
    images = load_images([path], size=classifier.input_size, channels=classifier.channels, reading=reading)
    if not images.names:
        raise InputError(f"{printable(spec)} cannot be read: {images.left_out[0].reason}")
    names = tuple(printable(Path(name).name) for name in images.names)
    unlabelled = Split(images.pixels, np.zeros(len(names), dtype=np.int64), names)
    labels = torch.nan_to_num(logits_of(classifier, unlabelled)).argmax(1).numpy()
    note = (
        f"{printable(path.name)} has no label: what the network reads in it, {classifier.classes[labels[0]]!r}, stands"
        " for its true class, and accuracy is whether that answer stays"
    )
    if path.is_dir():
        note = (
            f"the images of {printable(path.name)} have no labels: what the network reads in each stands for its true"
            " class, and accuracy is how many of these answers stay"
        )
    return Dataset(
        printable(path.stem),
        {"test": Split(images.pixels, labels, names)},
        classifier.classes,
        fingerprint("single", stamps([path], path.parent), *images.reading.values(), classifier.input_size),
        tuple(replace(file, split="test") for file in images.left_out),
        notes=(note, *images.notes),
        reading=images.reading | {"labels": PREDICTED},
        contents=hashlib.blake2b(images.pixels.tobytes(), digest_size=16).hexdigest(),
    )


def _path(spec: str) -> Path:
    return Path(spec if os.path.lexists(spec) else spec.removeprefix("folder:"))
