"""Image file formats, recognised by their first bytes and not by their names."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

# Others that Pillow knows are not photographs, or start another program to be read (EPS).
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif", ".heic", ".heif", ".hif", ".jxl"),
)
"""File name endings of images in a folder."""

_HEIF = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_AVIF = frozenset((b"avif", b"avis"))
_JXL = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n")
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_OTHERS = (
    (b"%PDF", "a PDF, not an image"),
    (b"%!PS", "PostScript, not an image"),
    (b"8BPS", "a Photoshop file: save it as PNG"),
    (b"SIMPLE  =", "FITS: save it as PNG or TIFF of 16 bits, or give arrays from Python"),
    (b"\x89HDF", "HDF5: give its arrays from Python"),
    (b"\x93NUMPY", "a NumPy array: give it from Python, as Split(pixels, labels)"),
    (b"PK\x03\x04", "a ZIP archive, not an image"),
    (b"<svg", "SVG, a drawing: save it as PNG"),
    (b"II*\0\x10\0\0\0CR", "a camera's raw file: save it as JPEG or PNG"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the image itself: run git lfs pull"),
)


@contextmanager
def open_image(file: BinaryIO) -> Iterator[Image.Image]:
    """The image in an open file, its pixels not yet read.

    HEIC and JPEG XL are read where their libraries are installed. Raises ValueError, naming the library, where they are
    not, and for files that are something else; or what Pillow raises.
    """
    start = file.read(64)
    file.seek(0)
    kinds = (*FORMATS, *_plugin(start))
    for first, reason in _OTHERS:
        if start.lstrip().startswith(first):
            raise ValueError(reason)
    if _is_dicom(file):
        raise ValueError("DICOM: save its pixels as PNG of 16 bits, or give arrays from Python")
    try:
        opened = Image.open(file, formats=kinds)
    except UnidentifiedImageError as error:
        if start.startswith(_TIFF):
            raise ValueError("a TIFF that cannot be read, damaged or of a rare kind: save it as PNG") from error
        raise
    with opened as image:
        yield image


def is_image(start: bytes) -> bool:
    """Returns whether a file with these first bytes is of a kind that is read here."""
    return (
        bool(_brands(start) & (_HEIF | _AVIF))
        or start.startswith(_JXL)
        or any(accept(start) for name in FORMATS if (accept := _accept(name)))
    )


def _accept(name: str):
    Image.init()
    return Image.OPEN[name][1] if name in Image.OPEN else None


def _brands(start: bytes) -> frozenset[bytes]:
    """Of the container that HEIC and AVIF share: what the file says it is, and what else it may be read as."""
    if start[4:8] != b"ftyp":
        return frozenset()
    box = start[8 : min(int.from_bytes(start[:4], "big"), len(start))]
    return frozenset(box[i : i + 4] for i in range(0, len(box) - 3, 4))


def _plugin(start: bytes) -> tuple[str, ...]:
    """The kinds that a library other than Pillow reads, registered with Pillow on the way."""
    brands = _brands(start)
    if brands & _HEIF and not brands & _AVIF:
        _library("pillow_heif", "HEIC", "pip install 'ironglass[heic]'").register_heif_opener()
        return ("HEIF",)
    if start.startswith(_JXL):
        _library("pillow_jxl", "JPEG XL", "pip install pillow-jxl-plugin")  # registers itself
        return ("JXL",)
    return ()


def _library(name: str, kind: str, advice: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ValueError(f"{kind}, which takes another library: {advice}") from error


def _is_dicom(file: BinaryIO) -> bool:
    file.seek(128)
    magic = file.read(4)
    file.seek(0)
    return magic == b"DICM"
