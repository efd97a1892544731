"""Photographs and maps as small pictures: fixed colour maps, shared scales, few bytes."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

OVERLAY = 0.6  # how much of an overlay is map; the rest is the photograph in grey
VEIL = 0.4  # how much of the photograph, in grey, shows under an occlusion map


def palette(name: str) -> np.ndarray:
    """The 256 colours (256, 3) uint8 of a matplotlib colour map."""
    return (matplotlib.colormaps[name](np.linspace(0, 1, 256))[:, :3] * 255).round().astype(np.uint8)


HEAT = palette("inferno")  # one-sided maps: perceptually uniform, dark is nothing
SIGNED = palette("RdBu_r")  # signed maps: white is nought, red a drop
CELL = 128
"""Pixels that a picture may take up on the page, as `--cell` of style.css."""
SMALL = 64
"""Longer side, in pixels, up to which pixels are shown as squares."""


@dataclass(frozen=True)
class Picture:
    """A picture of the page: its data URL, and the pixels along its longer side.

    The page shows a whole multiple of these pixels in a cell, or, where a cell has fewer, half of them.
    """

    url: str
    px: int


def colour(image: np.ndarray) -> np.ndarray:
    """A photograph (h, w, 1|3), uint8 or float in [0, 1], as uint8 (h, w, 3)."""
    if image.dtype != np.uint8:
        image = (np.clip(np.nan_to_num(image), 0, 1) * 255).round().astype(np.uint8)
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


def unit(images: np.ndarray, kind: type[np.floating[Any]] = np.float64) -> np.ndarray:
    """Images, uint8 or float in [0, 1], as floats of this kind in [0, 1]."""
    return images.astype(kind) / 255 if images.dtype == np.uint8 else images.astype(kind)


def magnified(change: np.ndarray, factor: float) -> np.ndarray:
    """A signed change (h, w, c) times `factor` about mid-grey, as uint8 (h, w, 3)."""
    return colour(np.clip(0.5 + factor * change, 0, 1).astype(np.float32))


def positive_scale(maps: np.ndarray) -> float:
    """The scale that maps (s, h, w) of one layer share: their largest positive value, 0 where there is none."""
    return max(0.0, float(np.nan_to_num(maps).max(initial=0)))


def signed_scale(maps: list[np.ndarray]) -> float:
    """The scale, from minus to plus, that all signed maps share: their largest absolute value."""
    return max((float(np.abs(np.nan_to_num(part)).max(initial=0)) for part in maps), default=0.0)


def positive_index(values: np.ndarray, scale: float) -> np.ndarray:
    """A map (h, w) as indices 0 to 255 in HEAT: negative is 0, `scale` is 255."""
    return (np.clip(np.nan_to_num(values) / (scale or 1), 0, 1) * 255).round().astype(np.uint8)


def signed_index(values: np.ndarray, scale: float) -> np.ndarray:
    """A signed map (h, w) as indices 0 to 255 in SIGNED: -scale is 0, +scale is 255."""
    return (np.clip(0.5 + 0.5 * np.nan_to_num(values) / (scale or 1), 0, 1) * 255).round().astype(np.uint8)


def fit(picture: np.ndarray, side: int, *, nearest: bool = False) -> np.ndarray:
    """The picture (h, w[, c]) with its longer side at most `side` pixels, averaged over area or by nearest pixel."""
    height, width = picture.shape[:2]
    if max(height, width) <= side:
        return picture
    share = side / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(
        Image.fromarray(picture).resize(size, Image.Resampling.NEAREST if nearest else Image.Resampling.BOX)
    )


def photo_url(picture: np.ndarray, side: int, *, nearest: bool = False) -> str:
    """A data URL of (h, w, 3) uint8 at most `side` pixels long: exact up to 64 pixels, else WebP at quality 85."""
    picture_image = Image.fromarray(fit(picture, side, nearest=nearest))
    exact = max(picture_image.size) <= 64
    return _url(picture_image, "PNG", optimize=True) if exact else _url(picture_image, "WEBP", quality=85, method=4)


def stored_side(shape: tuple[int, ...], *, large: bool = False) -> int:
    """Pixels of the longer side that the page keeps of a picture (h, w, ...): CELL, or twice as many if `large`."""
    return min(max(shape[:2]), 2 * CELL if large else CELL)


def shown_side(px: int) -> int:
    """Pixels of the page along the longer side of a picture that has `px` of its own, at most CELL of either."""
    return px if px <= CELL else px // 2


def picture(photo: np.ndarray, *, large: bool = False) -> Picture:
    """A photograph (h, w, 3) uint8 for the page; `large` for one that may be enlarged to more than a cell."""
    px = stored_side(photo.shape, large=large)
    return Picture(photo_url(photo, px, nearest=px <= SMALL), px)


def map_url(index: np.ndarray, colours: np.ndarray, side: int) -> str:
    """A data URL of a map of indices in `colours`, one byte a pixel."""
    picture_image = Image.fromarray(fit(index, side))
    picture_image.putpalette(colours.tobytes())
    return _url(picture_image, "PNG", optimize=True)


def gradient_css(colours: np.ndarray) -> str:
    """A colour map as a CSS gradient from left to right."""
    stops = ",".join(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in colours[np.linspace(0, 255, 17).round().astype(int)])
    return f"linear-gradient(90deg,{stops})"


def overlaid(photo: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Grad-CAM as the page shows it: the map over the photograph (h, w, 3) in grey."""
    return (OVERLAY * HEAT[_stretched(index, photo)] + (1 - OVERLAY) * _grey(photo)).round().astype(np.uint8)


def tinted(photo: np.ndarray, index: np.ndarray) -> np.ndarray:
    """An occlusion map as the page shows it: the faded grey photograph multiplied by the map's colours."""
    faded = 255 - VEIL * (255 - _grey(photo))
    return (faded * SIGNED[_stretched(index, photo)] / 255).round().astype(np.uint8)


def _grey(photo: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(photo).convert("L"), dtype=np.float64)[..., None]


def _stretched(index: np.ndarray, photo: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(index).resize((photo.shape[1], photo.shape[0]), Image.Resampling.BILINEAR))


def _url(picture: Image.Image, kind: str, **options: object) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
