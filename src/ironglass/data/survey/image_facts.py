"""Facts of one decoded image at its own size."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ironglass.data.decoding.decode import Decoded

THUMB = 48
"""Side of the grey thumbnails, in pixels."""
TINT = 4
"""Side of the colour thumbnails, in pixels."""
LONGEST = 256
"""Longer side, in pixels, at which the detail of an image is measured: larger images are brought to it."""
_LEAST = 8


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts of one image.

    width, height: in pixels, upright.
    mode: as the file stores it, in Pillow's words.
    bits: a value: 8, 16 or 32 (floats).
    low, high: the smallest and largest stored value.
    digest: 16 bytes that are the same for the same pixels, whatever the file; grey stored as colour counts as grey.
    darkest, lightest: luma that 1 % and 99 % of the pixels stay below, 0 to 255.
    contrast: the largest difference of two values of one channel, 0 to 255.
    detail: log2 of the energy of differences between neighbours over that of pixels four apart; -4 of a smooth image, 0
        of noise; NaN where the image is too small or has no differences.
    thumb: grey, uint8, (THUMB, THUMB).
    tint: chroma Cb and Cr, uint8, (TINT, TINT, 2).
    """

    width: int
    height: int
    mode: str
    bits: int
    low: float
    high: float
    digest: bytes
    darkest: int
    lightest: int
    contrast: int
    detail: float
    thumb: np.ndarray
    tint: np.ndarray


def image_facts(decoded: Decoded) -> ImageFacts:
    """Measures one image, decoded at its own size."""
    pixels = _grey_as_grey(decoded.pixels)
    height, width, channels = pixels.shape
    image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    luma = image.convert("L")
    below = np.cumsum(luma.histogram())
    low, high = (int(np.searchsorted(below, share * below[-1])) for share in (0.01, 0.99))
    values = pixels.reshape(-1, channels)
    return ImageFacts(
        width=width,
        height=height,
        mode=decoded.mode,
        bits=decoded.values.bits,
        low=decoded.values.low,
        high=decoded.values.high,
        digest=pixel_digest(pixels),
        darkest=low,
        lightest=high,
        contrast=int((values.max(0).astype(int) - values.min(0)).max()),
        detail=detail_of(luma),
        thumb=np.asarray(luma.resize((THUMB, THUMB), Image.Resampling.BILINEAR)),
        tint=_tint(image, channels),
    )


def pixel_digest(pixels: np.ndarray) -> bytes:
    """16 bytes that are the same for the same pixels (h, w, c), uint8 or float, of the same shape and type."""
    shape = f"{pixels.shape}{'' if pixels.dtype == np.uint8 else pixels.dtype}"
    digest = hashlib.blake2b(shape.encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()


def detail_of(luma: Image.Image) -> float:
    """`ImageFacts.detail` of a grey image, at no more than LONGEST pixels a side."""
    if max(luma.size) > LONGEST:
        share = LONGEST / max(luma.size)
        size = (max(1, round(luma.width * share)), max(1, round(luma.height * share)))
        luma = luma.resize(size, Image.Resampling.BOX)
    if min(luma.size) < _LEAST:
        return math.nan
    values = np.asarray(luma, dtype=np.float32)
    near, far = (_energy(values, step) for step in (1, 4))
    return math.nan if near <= 0 or far <= 0 else math.log2(near / far)


def _energy(values: np.ndarray, step: int) -> float:
    """Mean square of the differences of pixels `step` apart, down and across."""
    across, down = values[:, step:] - values[:, :-step], values[step:] - values[:-step]
    return float(np.vdot(across, across) / across.size + np.vdot(down, down) / down.size)


def _grey_as_grey(pixels: np.ndarray) -> np.ndarray:
    """The pixels with one channel where all three are the same."""
    if pixels.shape[2] == 1:
        return pixels
    for rows in (pixels[:1], pixels):  # the first row alone decides for most
        if (rows[..., :1] != rows[..., 1:]).any():
            return pixels
    return pixels[..., :1]


_NEUTRAL = np.full((TINT, TINT, 2), 128, np.uint8)


def _tint(image: Any, channels: int) -> np.ndarray:
    if channels == 1:
        return _NEUTRAL
    small = image.resize((TINT, TINT), Image.Resampling.BOX)
    return np.asarray(small.convert("YCbCr"))[..., 1:].copy()
