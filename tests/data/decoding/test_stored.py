"""TIFF of more than 8 bits: every layout gives the values that were stored, checked against numpy."""

import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.data.build import Reading
from ironglass.data.decoding.decode import decode_image
from ironglass.data.decoding.scan import scan
from ironglass.data.images import load_images
from ironglass.data.load import load_dataset
from ironglass.errors import InputError

COLOURS = np.random.default_rng(0).integers(0, 65536, (40, 53, 3), dtype=np.uint16)
COLOURS[..., 1] //= 16


def write_tiff(
    path: Path,
    values: np.ndarray,
    *,
    order: str = "<",
    planes: bool = False,
    tiled: bool = False,
    packed: bool = False,
    differences: bool = False,
    photometric: int | None = None,
    extra: int | None = None,
    orientation: int = 1,
) -> Path:
    """A TIFF of uint16 or uint32, (h, w, c), as its specification has it: Pillow writes none in colour."""
    height, width, samples = values.shape
    data = [values[..., i : i + 1] for i in range(samples)] if planes else [values]
    rows, across = (16, 16) if tiled else (13, width)
    blocks = []
    for plane in data:
        for top, left in itertools.product(range(0, height, rows), range(0, width, across)):
            block = plane[top : top + rows, left : left + across]
            if tiled:
                block = np.pad(block, ((0, rows - block.shape[0]), (0, across - block.shape[1]), (0, 0)))
            if differences:
                block = np.diff(block, axis=1, prepend=np.zeros_like(block[:, :1]))
            raw = block.astype(f"{order}u{values.dtype.itemsize}").tobytes()
            blocks.append(zlib.compress(raw) if packed else raw)
    bits = 8 * values.dtype.itemsize
    if photometric is None:
        photometric = 2 if samples > 2 else 1
    tags = {256: [width], 257: [height], 258: [bits] * samples, 259: [8 if packed else 1], 262: [photometric]}
    tags |= {277: [samples], 284: [2 if planes else 1], 317: [2 if differences else 1], 339: [1] * samples}
    tags[274] = [orientation]
    tags |= {338: [extra]} if extra is not None else {}
    offsets = list(itertools.accumulate((len(block) for block in blocks), initial=8))[:-1]
    sizes = [len(block) for block in blocks]
    tags |= {322: [16], 323: [16], 324: offsets, 325: sizes} if tiled else {278: [rows], 273: offsets, 279: sizes}
    body = b"".join(blocks)
    start = 8 + len(body)
    table, beyond, room = struct.pack(f"{order}H", len(tags)), b"", start + 6 + 12 * len(tags)
    for tag, numbers in sorted(tags.items()):
        raw = struct.pack(f"{order}{len(numbers)}I", *numbers)
        held = raw if len(numbers) == 1 else struct.pack(f"{order}I", room + len(beyond))
        table, beyond = table + struct.pack(f"{order}HHI", tag, 4, len(numbers)) + held, beyond + raw * (len(raw) > 4)
    magic = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, start)
    path.write_bytes(magic + body + table + bytes(4) + beyond)
    return path


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize(("packed", "differences"), [(False, False), (True, False), (True, True)])
def test_colours_of_16_bits_are_read_whole_in_every_layout(tmp_path, order, planes, tiled, packed, differences):
    layout = {"order": order, "planes": planes, "tiled": tiled, "packed": packed, "differences": differences}
    path = write_tiff(tmp_path / "a.tif", COLOURS, **layout)
    found = decode_image(path)
    assert (found.values.low, found.values.high, found.values.cut) == (COLOURS.min(), COLOURS.max(), False)
    assert np.array_equal(found.pixels, np.rint(COLOURS / 257).astype(np.uint8))
    assert next(scan([path])).pixels.tobytes() == found.pixels.tobytes()  # type: ignore[union-attr]


@pytest.mark.parametrize(("extra", "planes"), [*itertools.product([0, 1, 2], [False, True])])
def test_opacity_is_laid_over_white_as_the_file_says(tmp_path, extra, planes):
    opacity = np.linspace(0, 65535, 40 * 53).astype(np.uint16).reshape(40, 53, 1)
    share = opacity / 65535
    stored = np.rint(COLOURS * share).astype(np.uint16) if extra == 1 else COLOURS
    path = write_tiff(tmp_path / "a.tif", np.concatenate([stored, opacity], 2), extra=extra, planes=planes)
    right = COLOURS if extra == 0 else COLOURS * share + 65535 * (1 - share)
    found = decode_image(path)
    assert found.transparent == (extra != 0)
    assert np.abs(found.pixels - right / 257).max() < 1  # nearly clear colours are stored in few steps


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_once(tmp_path, orientation):
    deep = decode_image(write_tiff(tmp_path / "a.tif", COLOURS, orientation=orientation)).pixels
    shallow = Image.fromarray(np.rint(COLOURS / 257).astype(np.uint8))
    shallow.save(tmp_path / "b.tif", tiffinfo={274: orientation})
    assert np.array_equal(deep, decode_image(tmp_path / "b.tif").pixels)


def test_a_range_counts_for_colours_too(tmp_path):
    dark = COLOURS // 16
    for i in range(3):
        write_tiff(tmp_path / f"{i}.tif", dark)
    found = load_images([tmp_path], size=(40, 53), channels=3, reading=Reading(range=(0, 2000)))
    assert np.array_equal(found.pixels[0], np.rint((dark / 2000).clip(0, 1) * 255).astype(np.uint8))
    auto = load_images([tmp_path], size=(40, 53), channels=3)
    assert np.array_equal(auto.pixels[0], np.rint(dark / 4095 * 255).astype(np.uint8))
    assert "12 bits are assumed" in auto.notes[0]


@pytest.mark.parametrize("high", [65535, 4095])
def test_grey_whose_smallest_value_is_white_is_turned_round(tmp_path, high):
    grey = (COLOURS[..., :1].astype(np.int64) * high // 65535).astype(np.uint16)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for i in range(4):
            write_tiff(tmp_path / name / f"{i}.tif", grey, photometric=0)
    dataset = load_dataset(str(tmp_path))
    assert np.array_equal(dataset.train.pixels[0], 255 - np.rint(grey / high * 255).astype(np.uint8))
    boxed = load_dataset(str(tmp_path), size=64, fit="letterbox").train.pixels[0]
    assert boxed[0, 0, 0] == boxed[-1, -1, 0] == 0  # what stands beside the image is black


def test_whole_numbers_of_32_bits_have_no_sign(tmp_path):
    values = np.array([[0, 2**31], [2**32 - 1, 7]], np.uint32)
    for i in range(4):
        write_tiff(tmp_path / f"{i}.tif", values[..., None])
    with pytest.raises(InputError, match=r"from 0 to 4\.29497e\+09: give --range"):
        load_images([tmp_path], size=(2, 2), channels=1)
    found = load_images([tmp_path], size=(2, 2), channels=1, reading=Reading(range=(0, 2**32 - 1)))
    assert found.pixels[0, ..., 0].tolist() == [[0, 128], [255, 0]]


def test_what_cannot_be_read_whole_is_named(tmp_path):
    inks = write_tiff(tmp_path / "inks.tif", np.concatenate([COLOURS, COLOURS[..., :1]], 2), photometric=5)
    damaged = tmp_path / "damaged.tif"
    damaged.write_bytes(b"II*\0" + bytes(40))
    empty = tmp_path / "empty.tif"
    empty.touch()
    reasons = list(scan([inks, damaged, empty]))
    assert "other colours than RGB" in reasons[0] or "cannot be read" in reasons[0]
    assert "a TIFF that cannot be read" in reasons[1]
    assert reasons[2] == "empty"
