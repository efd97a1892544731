"""Bit depth: the stored values of black and white, decided over a whole data set."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ironglass.errors import InputError

_BITS = (8, 10, 12, 14, 16)
_DARK_LIMIT = 32


@dataclass(frozen=True)
class Values:
    """Range and type of the stored values of one image file.

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
    bounds = text.split(",") if isinstance(text, str) else text
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"range is {text!r}: give auto, or two numbers, the lower first, as 0,4095")
    return low, high


def choose_scale(values: Iterable[Values], stated_range: tuple[float, float] | None) -> tuple[Scale | None, str | None]:
    """Chooses the scale of a data set's images, with a note for the user; None where bytes are used unchanged.

    found: of every image. stated: LOW and HIGH, where the user says. Raises InputError where the values do not tell
    what is black and white: floats beyond [0, 1], whole numbers below 0 or above 65535, or floats beside whole numbers.
    """
    values = list(values)
    deep = [item for item in values if item.bits > 8 and not item.known]
    if stated_range is not None:
        return _stated_scale(values, deep, stated_range)
    if not deep:
        return None, _dark_note(values)
    low, high = min(item.low for item in deep), max(item.high for item in deep)
    subject = f"{len(deep):,} of {len(values):,} images"
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"{subject} hold values that are no finite number: mend or remove them")
    floats = {item.bits == 32 for item in deep}
    if len(floats) > 1:
        raise InputError(f"some of {subject} hold floats and some whole numbers: bring them to one kind")
    summary = f"{subject} hold {'floats' if True in floats else 'whole numbers'} from {low:g} to {high:g}"
    if low < 0 or high > (1 if True in floats else 65535):
        raise InputError(f"{summary}: give --range LOW,HIGH, the values that are black and white, as {low:g},{high:g}")
    if True in floats:
        return Scale(0, 1), f"{summary}: taken for a range from 0 to 1" if high < _DARK_LIMIT / 255 else None
    bits = next(bits for bits in _BITS if high < 2**bits)
    if any(item.cut for item in deep) and bits < 16:
        raise InputError(
            f"{subject} hold 16 bits a value in colour, of which only the upper 8 can be read, and these stay below"
            f" {high / 257 + 1:.0f} of 255: save them as PNG of 16 bits, or scaled to 8 bits"
        )
    if bits == 16:
        return Scale(0, 65535), f"{subject} hold 16 bits a value: 0 to 65535 is scaled to 8 bits"
    return (
        Scale(0, 2**bits - 1),
        f"{summary} in files of 16 bits, so {bits} bits are assumed: 0 to {2**bits - 1} is scaled to black to white;"
        " --range LOW,HIGH says otherwise",
    )


def _stated_scale(values: list[Values], deep: list[Values], stated_range: tuple[float, float]) -> tuple[Scale, str]:
    scaled = deep or values
    low, high = min((item.low for item in scaled), default=0), max((item.high for item in scaled), default=0)
    clipping = " (values beyond are cut off)" if low < stated_range[0] or high > stated_range[1] else ""
    kind = f"{len(deep):,} of {len(values):,} images hold more than 8 bits, values" if deep else "values"
    if any(item.cut for item in deep):
        raise InputError("a range is given, and of some images only the upper 8 bits can be read: save them as PNG")
    if high <= stated_range[0] or low >= stated_range[1]:
        raise InputError(
            f"the range {stated_range[0]:g},{stated_range[1]:g} leaves nothing to see: {kind} from {low:g} to {high:g}"
        )
    black_to_white = f"{stated_range[0]:g} to {stated_range[1]:g} is black to white, as given"
    note = f"{kind} from {low:g} to {high:g}: {black_to_white}{clipping}"
    return Scale(*stated_range, deep=bool(deep)), note


def _dark_note(values: list[Values]) -> str | None:
    high = max((item.high for item in values if item.bits == 8), default=255)
    if high >= _DARK_LIMIT or len(values) < 2:
        return None
    return (
        f"every image is nearly black: the largest value is {high:g} of 255; --range 0,{high:g} would scale it to white"
    )
