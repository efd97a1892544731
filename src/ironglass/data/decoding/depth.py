"""Bit depth: which stored values are black and which are white, decided over a whole data set."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ironglass.errors import InputError

_BITS = (8, 10, 12, 14, 16)
_DARK = 32


@dataclass(frozen=True)
class Values:
    """Stored values of one image file, before anything is scaled.

    low, high: the smallest and largest stored value.
    bits: 8; 16 for whole numbers of more than 8 bits; 32 for floats.
    known: whether the format itself says which value is white, as that of maps of grey (PGM) does.
    cut: whether only the upper 8 bits of 16 were read, since the library gives no more.
    """

    low: float
    high: float
    bits: int = 8
    known: bool = True
    cut: bool = False


@dataclass(frozen=True)
class Scale:
    """Stored values from `low`, black, to `high`, white; others are cut off.

    deep: whether it is meant for images of more than 8 bits a value, those of 8 being scaled by 255; else for all.
    """

    low: float
    high: float
    deep: bool = True

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The values as bytes."""
        shares = (values.astype(np.float64) - self.low) / (self.high - self.low)
        return np.rint(shares.clip(0, 1) * 255).astype(np.uint8)


def parse_range(text: str | tuple[float, float] | list[float] | None) -> tuple[float, float] | None:
    """LOW,HIGH as two numbers; None for None and "auto". Raises InputError for anything else."""
    if text is None or text == "auto":
        return None
    parts = text.split(",") if isinstance(text, str) else text
    try:
        low, high = (float(part) for part in parts)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"range is {text!r}: give auto, or two numbers, the lower first, as 0,4095")
    return low, high


def choose_scale(found: Iterable[Values], stated: tuple[float, float] | None) -> tuple[Scale | None, str | None]:
    """Chooses how the images of a data set are scaled, with a sentence for the user; None where bytes are taken as they
    are.

    found: of every image. stated: LOW and HIGH, where the user says. Raises InputError where the values do not tell
    what is black and white: floats beyond [0, 1], whole numbers below 0 or above 65535, or floats beside whole numbers.
    """
    found = list(found)
    deep = [one for one in found if one.bits > 8 and not one.known]
    if stated is not None:
        return _given(found, deep, stated)
    if not deep:
        return None, _dark(found)
    low, high = min(one.low for one in deep), max(one.high for one in deep)
    many = f"{len(deep):,} of {len(found):,} images"
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"{many} hold values that are no finite number: mend or remove them")
    floats = {one.bits == 32 for one in deep}
    if len(floats) > 1:
        raise InputError(f"some of {many} hold floats and some whole numbers: bring them to one kind")
    held = f"{many} hold {'floats' if True in floats else 'whole numbers'} from {low:g} to {high:g}"
    if low < 0 or high > (1 if True in floats else 65535):
        raise InputError(f"{held}: give --range LOW,HIGH, the values that are black and white, as {low:g},{high:g}")
    if True in floats:
        return Scale(0, 1), f"{held}: taken for a range from 0 to 1" if high < _DARK / 255 else None
    bits = next(bits for bits in _BITS if high < 2**bits)
    if any(one.cut for one in deep) and bits < 16:
        raise InputError(
            f"{many} hold 16 bits a value in colour, of which only the upper 8 can be read, and these stay below"
            f" {high / 257 + 1:.0f} of 255: save them as PNG of 16 bits, or scaled to 8 bits"
        )
    if bits == 16:
        return Scale(0, 65535), f"{many} hold 16 bits a value: 0 to 65535 is scaled to 8 bits"
    return (
        Scale(0, 2**bits - 1),
        f"{held} in files of 16 bits, so {bits} bits are assumed: 0 to {2**bits - 1} is scaled to black to white;"
        " --range LOW,HIGH says otherwise",
    )


def _given(found: list[Values], deep: list[Values], stated: tuple[float, float]) -> tuple[Scale, str]:
    scaled = deep or found
    low, high = min((one.low for one in scaled), default=0), max((one.high for one in scaled), default=0)
    beyond = " (values beyond are cut off)" if low < stated[0] or high > stated[1] else ""
    kind = f"{len(deep):,} of {len(found):,} images hold more than 8 bits, values" if deep else "values"
    if any(one.cut for one in deep):
        raise InputError("a range is given, and of some images only the upper 8 bits can be read: save them as PNG")
    if high <= stated[0] or low >= stated[1]:
        raise InputError(
            f"the range {stated[0]:g},{stated[1]:g} leaves nothing to see: {kind} from {low:g} to {high:g}"
        )
    said = f"{kind} from {low:g} to {high:g}: {stated[0]:g} to {stated[1]:g} is black to white, as given{beyond}"
    return Scale(*stated, deep=bool(deep)), said


def _dark(found: list[Values]) -> str | None:
    high = max((one.high for one in found if one.bits == 8), default=255)
    if high >= _DARK or len(found) < 2:
        return None
    return (
        f"every image is nearly black: the largest value is {high:g} of 255; --range 0,{high:g} would scale it to white"
    )
