"""scikit-learn's 1,797 handwritten digits of 8 × 8 pixels: comes with scikit-learn, so needs no network."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from ironglass.data.source import Listing, Source


def digits() -> Source:
    """The ten digits, shown at 32 × 32 where no size is given."""
    return Source("digits", ["digits"], _listings, size=32)


def _listings() -> dict[str, Listing]:
    table = _table()
    labels = table[:, -1]
    pixels = np.rint(table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return {
        "train": Listing(
            names=[f"digits/{i}" for i in range(len(pixels))],
            labels=labels.astype(np.int64),
            classes=tuple(str(digit) for digit in range(10)),
            read=lambda rows: (Image.fromarray(pixels[i]) for i in rows),
        )
    }


def _table() -> np.ndarray:
    """Float64 (1797, 65): the pixels of a digit, 0 to 16, row by row, and which digit it is.

    Read from the file of the package itself, which takes two seconds to import; by its own function where its files
    lie elsewhere.
    """
    package = find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, "datasets", "data", "digits.csv.gz")
        if path.is_file():
            return np.loadtxt(path, delimiter=",")
    from sklearn.datasets import load_digits

    data, labels = load_digits(return_X_y=True)
    return np.column_stack([data, labels])
