"""Stored values of more than 8 bits, where Pillow truncates, misreads or inverts them."""

from __future__ import annotations

import io
import math
import struct
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES = 256, 257, 258, 259, 262, 277
_STRIPS, _ROWS, _STRIP_BYTES, _PLANAR, _PREDICTOR = 273, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES, _EXTRA, _FORMAT = 322, 323, 324, 325, 338, 339
_WHITE_IS_ZERO, _RGB = 0, 2
_DIFFERENCES = 2
_MAX_BYTES = 2**32


def is_halved(image: Image.Image) -> bool:
    """Returns whether Pillow will keep only the upper 8 of 16 bits, as it does of every image but grey ones, without a
    word."""
    layouts = [
        str(part)
        for tile in getattr(image, "tile", ())
        for part in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))
    ]
    return image.mode in ("RGB", "RGBA", "LA", "RGBX", "CMYK") and any(";16" in layout for layout in layouts)


def png_of_16_bits(file: BinaryIO) -> np.ndarray:
    """All bits of a PNG, uint16 (h, w, c)."""
    import torch
    from torchvision.io import ImageReadMode, decode_png

    file.seek(0)
    pixels = decode_png(torch.frombuffer(bytearray(file.read()), dtype=torch.uint8), mode=ImageReadMode.UNCHANGED)
    return pixels.permute(1, 2, 0).numpy()


def is_negative(image: Image.Image) -> bool:
    """Returns whether the file's smallest value is white; of 8 bits or fewer Pillow turns them round itself."""
    return _tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO and image.mode not in ("1", "L")


def unsigned(image: Image.Image, values: np.ndarray) -> np.ndarray:
    """Whole numbers of 32 bits without sign, which Pillow takes for such with one."""
    is_uint32 = values.dtype == np.int32 and _all(image, _BITS, 1) == {32} and _all(image, _FORMAT, 1) == {1}
    return values.view(np.uint32) if is_uint32 else values


def colours_of_16_bits(image: Image.Image, file: BinaryIO) -> np.ndarray | None:
    """All bits of a colour image of 16, uint16 (h, w, 3), or (h, w, 4) with opacity; None of other images.

    Pillow reads maps of grey whole: the file's blocks are given to it as those of grey images, three or four times as
    wide, or one for each colour. Raises ValueError where the values are of another kind than can be read.
    """
    bits = _all(image, _BITS, 1)
    if max(bits) <= 8 or _tag(image, _SAMPLES, 1) < 3:
        if _all(image, _FORMAT, 1) == {2} and max(bits) == 8:
            raise ValueError("8 bits with a sign: save it as PNG")
        return None
    if bits != {16} or _all(image, _FORMAT, 1) != {1} or _tag(image, _PHOTOMETRIC, _RGB) != _RGB:
        raise ValueError("more than 8 bits in other colours than RGB: save it as PNG of 16 bits")
    file.seek(0)
    samples = _tag(image, _SAMPLES, 1)
    try:
        pixels = _samples(image, file.read(), samples)
    except (KeyError, TypeError, struct.error) as error:
        raise ValueError("a TIFF whose description is damaged") from error
    extra = _all(image, _EXTRA, 0)
    if samples == 3 or not extra & {1, 2}:
        return pixels[..., :3]
    return _unpremultiplied(pixels[..., :4]) if 1 in extra else pixels[..., :4]


def _samples(image: Image.Image, contents: bytes, samples: int) -> np.ndarray:
    if _tag(image, _PLANAR, 1) == 2:
        return np.stack([_grey(image, contents, 1, plane) for plane in range(samples)], axis=2)
    rows = _grey(image, contents, samples, None)  # not turned yet, though Pillow's size is
    return rows.reshape(len(rows), -1, samples)


def _grey(image: Image.Image, contents: bytes, samples: int, plane: int | None) -> np.ndarray:
    """The image, or one of its planes, as a map of grey: uint16, (h, w x samples)."""
    tags: Any = image.tag_v2  # type: ignore[attr-defined]
    tiled = _TILES in tags
    offsets, sizes = (_tuple(tags[key]) for key in ((_TILES, _TILE_BYTES) if tiled else (_STRIPS, _STRIP_BYTES)))
    if plane is not None:
        part = len(offsets) // _tag(image, _SAMPLES, 1)
        offsets, sizes = (values[plane * part : (plane + 1) * part] for values in (offsets, sizes))
    width, height = tags[_WIDTH], tags[_HEIGHT]
    entries = {
        _WIDTH: (width * samples,),
        _HEIGHT: (height,),
        _BITS: (16,),
        _COMPRESSION: (tags.get(_COMPRESSION, 1),),
        _PHOTOMETRIC: (1,),
        _SAMPLES: (1,),
        _PLANAR: (1,),
        _FORMAT: (1,),
    }
    if tiled:
        tile_width = tags[_TILE_WIDTH]
        entries |= {_TILE_WIDTH: (tile_width * samples,), _TILE_HEIGHT: (tags[_TILE_HEIGHT],)}
        entries |= {_TILES: offsets, _TILE_BYTES: sizes}
    else:
        tile_width = width
        entries |= {_ROWS: (min(tags.get(_ROWS, height), height),), _STRIPS: offsets, _STRIP_BYTES: sizes}
    differences = _tag(image, _PREDICTOR, 1) == _DIFFERENCES
    if differences and samples == 1:
        entries[_PREDICTOR] = (_DIFFERENCES,)
    with Image.open(io.BytesIO(_with_directory(contents, entries)), formats=["TIFF"]) as grey:
        values = np.asarray(grey).astype(np.uint16)
    if differences and samples > 1:  # to the value before of the same colour, anew in every tile
        values = values.reshape(height, width, samples).copy()
        for start in range(0, width, tile_width):
            block = values[:, start : start + tile_width]
            block[:] = np.cumsum(block, axis=1, dtype=np.uint16)
    return values.reshape(height, width * samples)


def _with_directory(contents: bytes, entries: dict[int, tuple[int, ...]]) -> bytes:
    """The file with another directory (IFD) of the same blocks appended."""
    order = "<" if contents[:2] == b"II" else ">"
    start = len(contents) + len(contents) % 2
    offset = start + 2 + 12 * len(entries) + 4
    table, overflow = struct.pack(f"{order}H", len(entries)), b""
    for tag, values in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        cell = packed if len(values) == 1 else struct.pack(f"{order}I", offset + len(overflow))
        table += struct.pack(f"{order}HHI", tag, 4, len(values)) + cell
        overflow += packed if len(values) > 1 else b""
    if offset + len(overflow) >= _MAX_BYTES:
        raise ValueError("more than 4 GiB of 16 bits in colour: save it as PNG of 16 bits")
    header = contents[:2] + struct.pack(f"{order}HI", 42, start)
    return header + contents[8:] + bytes(start - len(contents)) + table + bytes(4) + overflow


def _unpremultiplied(values: np.ndarray) -> np.ndarray:
    """Un-premultiplied colours."""
    opacity = values[..., 3:].astype(np.float64)
    colours = np.where(opacity > 0, values[..., :3] * 65535.0 / np.maximum(opacity, 1), 0)
    return np.concatenate([np.rint(colours).clip(0, 65535).astype(np.uint16), values[..., 3:]], axis=2)


def _tag(image: Image.Image, tag: int, default: int) -> int:
    value = _tuple(getattr(image, "tag_v2", {}).get(tag, default))[0]
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else default


def _all(image: Image.Image, tag: int, default: int) -> set[int]:
    return {value for value in _tuple(getattr(image, "tag_v2", {}).get(tag, default)) if isinstance(value, int)} or {
        default
    }


def _tuple(value: Any) -> tuple:
    return value if isinstance(value, tuple) and value else (value,)
