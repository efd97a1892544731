"""One image file as data: no label, so what the network reads in it stands for its true class."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch

from ironglass.data.build import Reading
from ironglass.data.cache.store import fingerprint
from ironglass.data.dataset import Dataset, Split
from ironglass.data.decoding.formats import is_image
from ironglass.data.files.plain import open_plain, printable
from ironglass.data.images import load_images
from ironglass.data.sources.walk import stamps
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of

PREDICTED = "predicted"
"""`labels` of a data set's reading, where they are what the network says."""


def is_single_image(spec: str) -> bool:
    """Whether `spec` is the path of an image file, told by its bytes."""
    path = Path(spec)
    if not os.path.isfile(path):  # noqa: PTH113  (False, too, for names that no file can bear)
        return False
    try:
        with open_plain(path) as file:
            return is_image(file.read(64))
    except OSError:
        return False


def load_single(spec: str, classifier: Classifier, reading: Reading) -> Dataset:
    """The image at `spec` as the test split of a data set, at the classifier's size, labelled with its prediction.

    Raises InputError where it cannot be decoded.
    """
    path = Path(spec)
    found = load_images([path], size=classifier.input_size, channels=classifier.channels, reading=reading)
    if not found.names:
        raise InputError(f"{printable(spec)} cannot be read: {found.left_out[0].reason}")
    unlabelled = Split(found.pixels, np.zeros(1, dtype=np.int64), (printable(path.name),))
    label = int(torch.nan_to_num(logits_of(classifier, unlabelled)).argmax(1))
    said = (
        f"{printable(path.name)} has no label: what the network reads in it, {classifier.classes[label]!r}, stands for"
        " its true class, and accuracy is whether that answer stays"
    )
    return Dataset(
        printable(path.stem),
        {"test": Split(found.pixels, np.array([label]), unlabelled.names)},
        classifier.classes,
        fingerprint("single", stamps([path], path.parent), *found.reading.values(), classifier.input_size),
        notes=(said, *found.notes),
        reading=found.reading | {"labels": PREDICTED},
    )
