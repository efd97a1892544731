"""Bytes to pixels: every kind of file ends as 8-bit grey or colour, upright, opaque, of the size asked for."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from ironglass.data.files import open_plain
from ironglass.data.source import Encoded

MAX_PIXELS = 50_000_000
# Others that Pillow knows are not photographs, or start another program to be read (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2"),
)

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


def decode(encoded: Encoded, size: tuple[int, int] | None = None, channels: int | None = None) -> np.ndarray:
    """One image as uint8, (h, w, c).

    The EXIF orientation is applied, transparency is laid over white, 16 bits are scaled to 8, and of an animation the
    first frame is taken. size: height and width; the shorter side is brought to it by antialiased bilinear
    interpolation and the rest cut off evenly; None keeps the native size. channels: 1 (luma), 3, or None for 1 where
    the image is stored grey.

    Raises ValueError, with the reason, or whatever Pillow raises, where the image cannot be decoded.
    """
    if encoded is None or encoded == b"":
        raise ValueError("empty")
    if isinstance(encoded, Image.Image):
        return _pixels(encoded, size, channels)
    with (
        io.BytesIO(encoded) if isinstance(encoded, bytes) else open_plain(encoded) as file,
        Image.open(file, formats=FORMATS) as image,
    ):
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} × {height} pixels are more than {MAX_PIXELS // 10**6} million")
        if size is not None:
            # A JPEG can be decoded at 1/2, 1/4 or 1/8; from three times the size on, the difference cannot be seen.
            image.draft(None, (3 * max(size), 3 * max(size)))
        image.load()
        return _pixels(_upright(image), size, channels)


def _pixels(image: Image.Image, size: tuple[int, int] | None, channels: int | None) -> np.ndarray:
    image = _opaque(image)
    if size is not None:
        image = _fit(image, *size)
    if channels is not None:
        image = image.convert("L" if channels == 1 else "RGB")
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _upright(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return image
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _opaque(image: Image.Image) -> Image.Image:
    """The image in mode L where it is stored grey, else in mode RGB."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        return _scaled(np.asarray(image), 65535)
    if image.mode == "I":  # Pillow's way to hold what has more than 8 bits, in practice 16
        return _scaled(np.asarray(image), 65535)
    if image.mode == "F":
        return _scaled(np.asarray(image), 1.0)
    grey = image.mode in ("1", "L", "LA", "La")
    if not image.has_transparency_data:
        return image.convert("L" if grey else "RGB")
    image = image.convert("LA" if grey else "RGBA")
    white = Image.new("L" if grey else "RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _scaled(values: np.ndarray, top: float) -> Image.Image:
    low, high = float(values.min()), float(values.max())
    if not (low >= 0 and high <= top):  # also catches NaN
        raise ValueError(f"values range from {low:g} to {high:g}, not from 0 to {top:g}")
    return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8))


def _fit(image: Image.Image, height: int, width: int) -> Image.Image:
    if image.size == (width, height):
        return image
    zoom = min(image.width / width, image.height / height)
    left, top = (image.width - width * zoom) / 2, (image.height - height * zoom) / 2
    box = (max(left, 0), max(top, 0), min(left + width * zoom, image.width), min(top + height * zoom, image.height))
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)
