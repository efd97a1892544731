"""Decoding of any image file to 8-bit grey or colour: upright, opaque, at the requested size."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from PIL import Image

from ironglass.data.decoding.depth import Scale, Values
from ironglass.data.decoding.formats import FORMATS, SUFFIXES, open_image
from ironglass.data.decoding.stored import colours_of_16_bits, is_halved, is_negative, png_of_16_bits, unsigned
from ironglass.data.files.plain import open_plain
from ironglass.data.source import Encoded

__all__ = ["FORMATS", "MAX_PIXELS", "SUFFIXES", "Decoded", "Fit", "decode", "decode_image"]

MAX_PIXELS = 50_000_000
FILL = 0
"""Fill of letterbox: black."""

Fit: TypeAlias = Literal["crop", "letterbox", "stretch"]
"""Treatment of images of another aspect ratio: centre crop, letterbox with black, or stretch."""

_LUMA = (0.299, 0.587, 0.114)
_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoded:
    """One decoded image: its pixels, uint8 (h, w, c), and facts about the file.

    values: before scaling. dropped: the share of the image that a crop cut off. animated: whether other frames follow.
    transparent: whether some of it was laid over white. mode: Pillow's word for how the file stores it, as "RGB".
    """

    pixels: np.ndarray
    values: Values
    dropped: float = 0.0
    animated: bool = False
    transparent: bool = False
    mode: str = ""


def decode(
    encoded: Encoded, size: tuple[int, int] | None = None, channels: int | None = None, fit: Fit = "crop"
) -> np.ndarray:
    """One image as uint8, (h, w, c), scaled by what its own format can hold.

    Raises ValueError where floats are beyond [0, 1] or whole numbers beyond 16 bits; else as `decode_image`.
    """
    decoded = decode_image(encoded, size, channels, fit)
    maximum = {8: 255, 16: 65535, 32: 1}[decoded.values.bits]
    if not (decoded.values.low >= 0 and decoded.values.high <= maximum):  # also catches NaN
        raise ValueError(
            f"values range from {decoded.values.low:g} to {decoded.values.high:g}, not from 0 to {maximum:g}"
        )
    return decoded.pixels


def decode_image(
    encoded: Encoded,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    fit: Fit = "crop",
    scale: Scale | None = None,
) -> Decoded:
    """Decodes one image, whose format is recognised by its bytes.

    The EXIF orientation is applied once, transparency is laid over white, of an animation the first frame is taken, and
    colour profiles are left as they are. size: height and width, by antialiased bilinear interpolation; None keeps the
    native size. channels: 1 (luma), 3, or None for 1 where the image is stored grey. scale: of images of more than 8
    bits a value; None: 0 to 65535, floats 0 to 1.

    Raises ValueError, with the reason, or whatever Pillow raises, where the image cannot be decoded.
    """
    if encoded is None or encoded == b"":
        raise ValueError("empty")
    if isinstance(encoded, Image.Image):
        return replace(_decoded(encoded, None, size, channels, fit, scale), mode=encoded.mode)
    with io.BytesIO(encoded) if isinstance(encoded, bytes) else open_plain(encoded) as file, open_image(file) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} × {height} pixels are more than {MAX_PIXELS // 10**6} million")
        kind, mode, halved, animated = image.format, image.mode, is_halved(image), _animated(image)
        if size is not None:
            # A JPEG can be decoded at 1/2, 1/4 or 1/8; from three times the size on, the difference cannot be seen.
            image.draft(None, (3 * max(size), 3 * max(size)))
        deep_values = colours_of_16_bits(image, file) if kind == "TIFF" else None
        negative = kind == "TIFF" and is_negative(image)
        if deep_values is None:  # which turns a TIFF, and takes its tag away
            image.load()
        orientation = 1 if kind == "JXL" else _orientation(image)  # JPEG XL's own orientation is applied by its decoder
        if deep_values is None and halved and kind == "PNG":
            deep_values = png_of_16_bits(file)
        decoded = _decoded(
            image, kind, size, channels, fit, scale, orientation, deep_values, halved and deep_values is None, negative
        )
    return replace(decoded, animated=animated, mode=mode)


def _decoded(
    image: Image.Image,
    kind: str | None,
    size: tuple[int, int] | None,
    channels: int | None,
    fit: Fit,
    scale: Scale | None,
    orientation: int = 1,
    deep_values: np.ndarray | None = None,
    is_cut: bool = False,
    negative: bool = False,
) -> Decoded:
    """whole: of a file of 16 bits in colour, all of its bits: (h, w, c). negative: its largest value is black."""
    if deep_values is None and (image.mode in ("I", "F") or image.mode.startswith("I;16")):
        deep_values = unsigned(image, np.asarray(image))[..., None]
    if deep_values is not None:
        bits = 32 if deep_values.dtype.kind == "f" else 16
        if not np.isfinite(deep_values).all():
            raise ValueError(f"values range from {deep_values.min():g} to {deep_values.max():g}: no finite numbers")
        has_known_range = kind == "PPM"  # whose own top is in its header, and taken account of by Pillow
        values = Values(float(deep_values.min()), float(deep_values.max()), bits, known=has_known_range)
        if scale is None or not scale.deep or has_known_range:
            scale = Scale(0, 1 if bits == 32 else 65535)
        if negative:
            deep_values = scale.low + scale.high - deep_values.astype(np.float64)
        pixels, dropped, transparent = _deep(deep_values, size, channels, fit, scale, orientation)
        return Decoded(pixels, values, dropped, transparent=transparent)
    if orientation in _UPRIGHT:
        image = image.transpose(_UPRIGHT[orientation])
    image, transparent = _opaque(image)
    low, high = _extrema(image)
    values = Values(257 * low, 257 * high, 16, known=False, cut=True) if is_cut else Values(low, high)
    if scale is not None and not scale.deep:
        image = image.point(scale(np.arange(256)).tolist() * len(image.getbands()))
    dropped = 0.0
    if size is not None:
        image, dropped = _fit(image, *size, fit)
    if channels is not None:
        image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image)
    return Decoded(pixels[..., None] if pixels.ndim == 2 else pixels, values, dropped, transparent=transparent)


def _deep(
    deep_values: np.ndarray,
    size: tuple[int, int] | None,
    channels: int | None,
    fit: Fit,
    scale: Scale,
    orientation: int,
) -> tuple[np.ndarray, float, bool]:
    """An image of more than 8 bits a value, (h, w, c), as bytes: resized as it is, then scaled."""
    planes = [
        Image.fromarray(np.ascontiguousarray(deep_values[..., i], dtype=np.float32))
        for i in range(deep_values.shape[2])
    ]
    dropped, transparent = 0.0, len(planes) in (2, 4)
    if transparent:
        planes, transparent = _over_white(planes, scale)
    if orientation in _UPRIGHT:
        planes = [plane.transpose(_UPRIGHT[orientation]) for plane in planes]
    if size is not None:
        fill = scale.low + (scale.high - scale.low) * FILL / 255
        fitted = [_fit(plane, *size, fit, fill) for plane in planes]
        planes, dropped = [plane for plane, _ in fitted], fitted[0][1]
    values = np.stack([np.asarray(plane) for plane in planes], axis=2)
    if channels == 1 and values.shape[2] == 3:
        values = (values.astype(np.float64) @ np.array(_LUMA))[..., None]
    pixels = scale(values)
    return np.repeat(pixels, 3, axis=2) if channels == 3 and pixels.shape[2] == 1 else pixels, dropped, transparent


def _over_white(planes: list[Image.Image], scale: Scale) -> tuple[list[Image.Image], bool]:
    *colours, alpha = (np.asarray(plane) for plane in planes)
    share = alpha / np.float32(65535)
    blended = [Image.fromarray((share * colour + (1 - share) * scale.high).astype(np.float32)) for colour in colours]
    return blended, bool((share < 1).any())


def _orientation(image: Image.Image) -> int:
    try:
        tag = image.getexif().get(_ORIENTATION)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return 1
    return tag if isinstance(tag, int) else 1


def _animated(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # a decoder on a stranger's further frames, of which none is read
        return False


def _extrema(image: Image.Image) -> tuple[int, int]:
    pairs = image.getextrema()
    pairs = pairs if isinstance(pairs[0], tuple) else (pairs,)
    return int(min(pair[0] for pair in pairs)), int(max(pair[1] for pair in pairs))  # type: ignore[index]


def _opaque(image: Image.Image) -> tuple[Image.Image, bool]:
    """The image in mode L where it is stored grey, else in mode RGB, and whether white shows through."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image, False
    grey = image.mode in ("1", "L", "LA", "La")
    if not image.has_transparency_data:
        return image.convert("L" if grey else "RGB"), False
    image = image.convert("LA" if grey else "RGBA")
    white, alpha = Image.new("L" if grey else "RGB", image.size, "white"), image.getchannel("A")
    white.paste(image, mask=alpha)
    return white, _extrema(alpha)[0] < 255


def _fit(image: Image.Image, height: int, width: int, fit: Fit, fill: float = FILL) -> tuple[Image.Image, float]:
    """The image at the size, and the share of it that was cut off."""
    if image.size == (width, height):
        return image, 0.0
    if fit == "stretch":
        return image.resize((width, height), Image.Resampling.BILINEAR), 0.0
    if fit == "letterbox":
        zoom = max(image.width / width, image.height / height)
        inner = (max(1, min(width, round(image.width / zoom))), max(1, min(height, round(image.height / zoom))))
        canvas = Image.new(image.mode, (width, height), (int(fill),) * 3 if image.mode == "RGB" else fill)
        canvas.paste(
            image.resize(inner, Image.Resampling.BILINEAR), ((width - inner[0]) // 2, (height - inner[1]) // 2)
        )
        return canvas, 0.0
    zoom = min(image.width / width, image.height / height)
    left, top = (image.width - width * zoom) / 2, (image.height - height * zoom) / 2
    box = (max(left, 0), max(top, 0), min(left + width * zoom, image.width), min(top + height * zoom, image.height))
    dropped = 1 - (width * zoom) * (height * zoom) / (image.width * image.height)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box), max(0.0, dropped)
