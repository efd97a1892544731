"""scikit-learn's 1,797 handwritten digits of 8 × 8 pixels: comes with scikit-learn, so needs no network."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ironglass.data.source import Listing, Source


def digits() -> Source:
    """The ten digits, shown at 32 × 32 where no size is given."""
    return Source("digits", ["digits"], _listings, size=32)


def _listings() -> dict[str, Listing]:
    from sklearn.datasets import load_digits

    data, labels = load_digits(return_X_y=True)
    pixels = np.rint(np.asarray(data).reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return {
        "train": Listing(
            names=[f"digits/{i}" for i in range(len(pixels))],
            labels=np.asarray(labels).astype(np.int64),
            classes=tuple(str(digit) for digit in range(10)),
            read=lambda rows: (Image.fromarray(pixels[i]) for i in rows),
        )
    }
