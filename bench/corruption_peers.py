"""imagecorruptions 1.1.2, of 2020, as its authors meant it: what it needs of older libraries is put in its place."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from contest import Work
from torch import Tensor

NAMES = {"jpeg": "jpeg_compression"}
"""Its names that differ from ours by more than their dashes."""


def imagecorruptions(pixels: Tensor, names: Sequence[str], severities: Sequence[int] = (1, 2, 3, 4, 5)) -> Work:
    """Every corruption at every severity of uint8 images (n, 3, h, w): one uint8 tensor each."""
    corrupt = load().corrupt
    images = pixels.permute(0, 2, 3, 1).contiguous().numpy()

    def work() -> list[Tensor]:
        return [
            torch.from_numpy(
                np.stack([corrupt(image, corruption_name=_name(name), severity=severity) for image in images])
            ).permute(0, 3, 1, 2)
            for name in names
            for severity in severities
        ]

    return work


def load() -> Any:
    """The library, with the pkg_resources, NumPy type and argument of scikit-image that it asks for."""
    import cv2
    import skimage.filters

    resources = ModuleType("pkg_resources")
    vars(resources)["resource_filename"] = lambda package, name: str(_folder(package) / name)
    sys.modules.setdefault("pkg_resources", resources)
    vars(np).setdefault("float_", np.float64)
    import imagecorruptions.corruptions as library

    def gaussian(image: np.ndarray, *, multichannel: bool = False, **settings: Any) -> np.ndarray:
        return skimage.filters.gaussian(image, channel_axis=-1 if multichannel else None, **settings)

    library.gaussian = gaussian
    cv2.setNumThreads(1)
    import imagecorruptions

    return imagecorruptions


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package.partition(".")[0])
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _name(name: str) -> str:
    return NAMES.get(name, name.replace("-", "_"))
