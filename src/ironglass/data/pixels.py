"""Stored pixels: bytes from 0 to 255, or floats in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.types import Images

CHANNELS = (1, 2, 3, 4)
_ROWS = 256


def check_pixels(pixels: Any) -> np.ndarray:
    """The pixels as an array (n, h, w, c), uint8 or float in [0, 1]; an array or memory-mapped file is not copied.

    Raises InputError, naming type, shape or range found, for everything else: whole numbers of other types have no
    range of their own, and are never scaled by a guess.
    """
    pixels = _array(pixels)
    if pixels.ndim != 4:
        raise InputError(f"pixels have shape {pixels.shape}: give them as (n, h, w, c), channels last")
    if pixels.shape[3] not in CHANNELS and pixels.shape[1] in (1, 3):
        raise InputError(f"pixels have shape {pixels.shape}: give channels last, pixels.transpose(0, 2, 3, 1)")
    if 0 in pixels.shape[1:]:
        raise InputError(f"pixels have shape {pixels.shape}: every side must be at least 1")
    if pixels.dtype == np.uint8:
        return pixels
    if np.issubdtype(pixels.dtype, np.floating):
        _check_range(pixels)
        return pixels
    if np.issubdtype(pixels.dtype, np.integer) and pixels.size:
        low, high = int(pixels.min()), int(pixels.max())
        if low >= 0 and high <= 255:
            raise InputError(f"pixels are {pixels.dtype} from {low} to {high}: give pixels.astype(numpy.uint8)")
        raise InputError(f"pixels are {pixels.dtype} from {low} to {high}: {_advice(low, high)}")
    raise InputError(f"pixels are {pixels.dtype}: give uint8, or floats in [0, 1]")


def to_images(pixels: Tensor) -> Images:
    """Stored pixels as float32 in [0, 1], on their device: bytes divided by 255, floats as they are."""
    return pixels.float().div_(255) if pixels.dtype == torch.uint8 else pixels.float()


def to_bytes(pixels: np.ndarray) -> np.ndarray:
    """Stored pixels for a picture: bytes as they are, floats rounded to the nearest 255th."""
    return pixels if pixels.dtype == np.uint8 else np.rint(pixels.astype(np.float64) * 255).astype(np.uint8)


def _array(pixels: Any) -> np.ndarray:
    if isinstance(pixels, np.ndarray):  # a subclass too: a memory-mapped file stays one
        return pixels
    if isinstance(pixels, Tensor):
        pixels = pixels.detach().cpu()
        return (pixels.float() if pixels.dtype == torch.bfloat16 else pixels).numpy()
    try:
        return np.asarray(pixels)
    except ValueError as error:
        raise InputError("images differ in size: bring them to one, and give pixels as (n, h, w, c)") from error


def _check_range(pixels: np.ndarray) -> None:
    parts = [pixels[start : start + _ROWS] for start in range(0, len(pixels), _ROWS)]  # a file may not fit in memory
    with np.errstate(invalid="ignore", over="ignore"):
        low = min((float(part.min()) for part in parts), default=0.0)
        high = max((float(part.max()) for part in parts), default=0.0)
        finite = all(np.isfinite(part.sum(dtype=np.float64)) for part in parts)
    if not finite:
        raise InputError("pixels hold values that are no finite number: give floats in [0, 1]")
    if low < 0 or high > 1:
        raise InputError(f"pixels range from {low:.4g} to {high:.4g}: {_advice(low, high)}")


def _advice(low: float, high: float) -> str:
    if low < 0:
        return "give floats in [0, 1], not normalised; normalisation is the classifier's own"
    top = 255 if high <= 255 else next((2**bits - 1 for bits in (10, 12, 14, 16) if high < 2**bits), None)
    return "give floats in [0, 1]" if top is None else f"give floats in [0, 1], for instance pixels / {top}"
