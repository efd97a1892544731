"""Corruptions by lossy storage: float32 (h, w, c) in [0, 1], through bytes and Pillow."""

from __future__ import annotations

import io

import numpy as np
from numpy.random import Generator
from PIL import Image


def jpeg(image: np.ndarray, quality: int, generator: Generator) -> np.ndarray:
    """Written as JPEG of that quality and read back: libjpeg's tables, of colour with half the resolution."""
    file = io.BytesIO()
    _picture(image).save(file, "JPEG", quality=quality)
    return _values(Image.open(file), image)


def pixelate(image: np.ndarray, share: float, generator: Generator) -> np.ndarray:
    """Shrunk to that share of its sides, averaged over area, and blown up again to blocks."""
    h, w = image.shape[:2]
    small = (max(1, int(w * share)), max(1, int(h * share)))
    picture = _picture(image).resize(small, Image.Resampling.BOX)
    return _values(picture.resize((w, h), Image.Resampling.BOX), image)


def _picture(image: np.ndarray) -> Image.Image:
    pixels = np.rint(image * 255).astype(np.uint8)
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _values(picture: Image.Image, like: np.ndarray) -> np.ndarray:
    return np.asarray(picture, dtype=np.float32).reshape(like.shape) / 255
