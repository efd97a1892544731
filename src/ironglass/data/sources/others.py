"""Unsupported kinds of data, recognised by file name, with advice on what to do instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ironglass.data.files.plain import printable

_ARRAYS = "give them from Python, as Dataset(name, {'train': Split(pixels, labels), ...}, classes)"
_KINDS = (
    (r"(train|t10k|test|emnist-.*)-(images|labels).*-?idx\d-ubyte(\.gz)?", "MNIST's own files: give torchvision:MNIST"),
    (r"data_batch_\d|test_batch|batches\.meta", "CIFAR's pickles, which could run code: give torchvision:CIFAR10"),
    (r".*\.(pkl|pickle|joblib)", "a pickle, which could run code and is never opened: save arrays or images"),
    (r".*\.(pt|pth)", "torch's own file of tensors: " + _ARRAYS),
    (r".*\.np[yz]", "NumPy's arrays: " + _ARRAYS),
    (r".*\.(mat|h5|hdf5|lmdb|rec|tfrecords?|msgpack)", "a format that is not read here: save images or Parquet"),
    (r".*\.cls", "a WebDataset: make Parquet of it, with the columns image and label"),
    (r".*\.arrow|dataset_dict\.json", "what save_to_disk writes: write Parquet by Dataset.to_parquet"),
    (r".*\.(xlsx?|ods)", "a spreadsheet: save it as CSV"),
    (r".*\.json", "JSON: of images and labels, write a JSON object a line (.jsonl), or CSV"),
)


def other_kind(files: Iterable[Path]) -> str:
    """Names the kind of the first file of a known kind, as a clause to end a message with; "" where there is none."""
    matches = [
        (number, file, description)
        for file in files
        for number, (name, description) in enumerate(_KINDS)
        if _is(file, name)
    ]
    if not matches:
        return ""
    _, file, description = min(matches, key=lambda match: match[0])
    return f"; {printable(file.name)[:100]} is {description}"


def _is(file: Path, name: str) -> bool:
    return re.fullmatch(name, file.name.lower()) is not None
