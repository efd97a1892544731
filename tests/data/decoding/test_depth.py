"""Images of more than 8 bits a value: scaled over the whole set, said, never silently black."""

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.data import load_dataset
from ironglass.data.build import Reading
from ironglass.data.decoding.depth import Values, choose_scale, parse_range
from ironglass.data.images import load_images
from ironglass.errors import InputError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))


def png16(values: np.ndarray) -> bytes:
    """A PNG of 16 bits, (h, w) or (h, w, c) of 1 to 4 channels, as Pillow cannot write it."""
    values = values.reshape(*values.shape[:2], -1)
    height, width, channels = values.shape

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def tiff(values: np.ndarray, kind: str) -> bytes:
    """A TIFF; kind: of numpy; colour of 16 bits, which Pillow does not write, as one strip."""
    if values.ndim == 2:
        file = io.BytesIO()
        Image.fromarray(values.astype(kind)).save(file, "tiff")
        return file.getvalue()
    (height, width, channels), body = values.shape, values.astype("<u2").tobytes()
    at = 8 + len(body)
    tags = [(256, 4, width), (257, 4, height), (259, 3, 1), (262, 3, 2), (273, 4, 8), (277, 3, channels)]
    tags += [(278, 4, height), (279, 4, len(body))]
    entries = sorted([(tag, form, 1, value) for tag, form, value in tags] + [(258, 3, 3, at + 2 + 9 * 12 + 4)])
    listed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", at)
    return head + body + struct.pack("<H", len(entries)) + listed + bytes(4) + struct.pack("<3H", 16, 16, 16)


WRITERS = {
    "png": (png16, "png", False),
    "tiff I;16": (lambda values: tiff(values, "<u2"), "tif", False),
    "tiff I;16B": (lambda values: tiff(values, ">u2"), "tif", False),
    "tiff I": (lambda values: tiff(values, "<i4"), "tiff", False),
    "png RGB": (png16, "png", True),
    "extension of another kind": (png16, "jpg", False),
}


def write(root: Path, encode, suffix: str, colour: bool, top: int, n: int = 12) -> tuple[Path, dict[str, np.ndarray]]:
    """Class folders of images, whose values reach `top` in one image alone: dark and bright by class."""
    random, known = np.random.default_rng(0), {}
    for k, name in enumerate(("bone", "lung")):
        (root / name).mkdir(parents=True)
        for i in range(n):
            values = random.integers(0, (k + 1) * top // 8, (9, 9, 3) if colour else (9, 9))
            if (k, i) == (1, 5):
                values[4, 4] = top
            (root / name / f"{i}.{suffix}").write_bytes(encode(values.astype(np.uint16)))
            known[f"{name}/{i}.{suffix}"] = values
    return root, known


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize(("top", "bits"), [(255, 8), (4095, 12), (3000, 12), (900, 10), (16000, 14), (60000, 16)])
def test_the_range_is_found_over_the_whole_set(kind, top, bits, tmp_path):
    root, known = write(tmp_path / "scans", *WRITERS[kind], top)
    data = load_dataset(str(root))
    white = 2**bits - 1
    assert data.describe()["reading"]["range"] == [0, white]
    (note,) = data.notes
    assert str(white) in note
    assert "24 of 24" in note
    for split in data.splits.values():
        for pixels, name in zip(split.pixels, split.names, strict=True):
            values = known[name].reshape(9, 9, -1)
            np.testing.assert_array_equal(pixels, np.rint(values / white * 255))
    assert load_dataset(str(root)).notes == data.notes  # from the cache, too


@pytest.mark.parametrize("kind", WRITERS)
def test_a_range_that_is_given_is_taken(kind, tmp_path):
    root, known = write(tmp_path / "scans", *WRITERS[kind], 4095)
    data = load_dataset(str(root), range="100,300")
    assert data.fingerprint != load_dataset(str(root)).fingerprint
    assert "100 to 300" in data.notes[0]
    assert "cut off" in data.notes[0]
    name = data.test.names[0]
    wanted = np.rint(((known[name].reshape(9, 9, -1) - 100) / 200).clip(0, 1) * 255)
    np.testing.assert_array_equal(data.test.pixels[0], wanted)
    with pytest.raises(InputError, match="leaves nothing to see"):
        load_dataset(str(root), range=(5000, 6000))


@pytest.mark.parametrize("high", [65535, 4095])
def test_colour_of_16_bits_in_tiff_is_read_whole(tmp_path, high):
    root, known = write(tmp_path / "scans", lambda values: tiff(values, ""), "tif", True, high)
    data = load_dataset(str(root))
    assert f"{high.bit_length()} bits" in data.notes[0]
    for pixels, name in zip(data.test.pixels, data.test.names, strict=True):
        assert np.array_equal(pixels, np.rint(known[name] / high * 255))


@pytest.mark.parametrize(
    ("low", "high", "given", "message"),
    [
        (0.0, 1.0, None, None),
        (0.0, 0.01, None, "range from 0 to 1"),
        (-1000.0, 3000.0, None, "give --range LOW,HIGH"),
        (0.0, 255.0, None, "give --range LOW,HIGH"),
        (-1000.0, 3000.0, "-1000,3000", None),
        (0.0, 255.0, (0, 255), None),
    ],
)
def test_floats_are_scaled_by_0_to_1_or_as_given(low, high, given, message, tmp_path):
    values = np.linspace(low, high, 64, dtype=np.float32).reshape(8, 8)
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(10):
            (tmp_path / "data" / name / f"{i}.tif").write_bytes(tiff(values, "<f4"))
    if message and message.startswith("give"):
        with pytest.raises(InputError, match=message) as error:
            load_dataset(str(tmp_path / "data"))
        assert f"from {low:g} to {high:g}" in str(error.value)
        assert "\n" not in str(error.value)
        return
    data = load_dataset(str(tmp_path / "data"), range=given)
    start, end = (0, 1) if given is None else parse_range(given)
    np.testing.assert_array_equal(
        data.test.pixels[0, ..., 0], np.rint((values.astype(np.float64) - start) / (end - start) * 255).clip(0, 255)
    )
    assert message is None or message in data.notes[0]


def test_bytes_that_are_nearly_black_are_said_and_can_be_scaled(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("L", (4, 4), i).save(tmp_path / "data" / name / f"{i}.png")
    data = load_dataset(str(tmp_path / "data"))
    assert data.notes[0] == (
        "every image is nearly black: the largest value is 9 of 255; --range 0,9 would scale it to white"
    )
    assert "10 images have the pixels of one of another class" in data.notes[-1]
    data = load_dataset(str(tmp_path / "data"), range="0,9")
    assert data.test.pixels.max() == 255 or "9.png" not in " ".join(data.test.names)
    assert {int(p.flat[0]) for s in data.splits.values() for p in s.pixels} == set(np.rint(np.arange(10) * 255 / 9))


def test_images_of_8_bits_beside_deep_ones_stay_as_they_are(tmp_path):
    root, _ = write(tmp_path / "scans", *WRITERS["png"], 4095)
    Image.new("L", (9, 9), 77).save(root / "bone" / "plain.png")
    data = load_dataset(str(root))
    assert "24 of 25" in data.notes[0]
    found = {n: p for s in data.splits.values() for n, p in zip(s.names, s.pixels, strict=True)}
    assert (found["bone/plain.png"] == 77).all()
    assert found["lung/5.png"].max() == 255


def test_deep_images_in_parquet_are_found_as_well(tmp_path, table):
    values = [np.full((6, 6), 4095 * i // 19) for i in range(20)]
    path = table(tmp_path / "train.parquet", [0, 1] * 10, ["a", "b"], images=[png16(one) for one in values])
    data = load_dataset(str(path))
    assert data.reading["range"] == [0, 4095]
    for name, pixels in zip(data.train.names, data.train.pixels, strict=True):
        assert (pixels == round(values[int(name.rpartition("/")[2])][0, 0] / 4095 * 255)).all()


def test_transparency_orientation_and_size_hold_for_deep_images(tmp_path):
    values = np.zeros((4, 8, 2), np.uint16)
    values[..., 0], values[..., 1] = 2000, 65535
    values[:, 4:, 1] = 0
    (tmp_path / "one.png").write_bytes(png16(values))
    found = load_images([tmp_path / "one.png"], size=(4, 8), channels=1, reading=Reading(range=(0, 4000)))
    assert set(found.pixels[0, :, :4].ravel()) == {128}
    assert set(found.pixels[0, :, 4:].ravel()) == {255}
    exif = Image.Exif()
    exif[0x0112] = 6
    ramp = np.arange(32, dtype=np.uint16).reshape(4, 8) * 100
    Image.fromarray(ramp).save(tmp_path / "turned.png", exif=exif)
    found = load_images([tmp_path / "turned.png"], size=(8, 4), channels=3, reading=Reading(range=(0, 3100)))
    np.testing.assert_array_equal(found.pixels[0, ..., 1], np.rint(np.rot90(ramp, -1) / 3100 * 255))


def test_no_numbers_in_an_image_leave_it_out(tmp_path):
    values = np.full((4, 4), 0.5, np.float32)
    values[0, 0] = np.nan
    (tmp_path / "nan.tif").write_bytes(tiff(values, "<f4"))
    (tmp_path / "good.tif").write_bytes(tiff(np.full((4, 4), 0.5), "<f4"))
    found = load_images([tmp_path], size=(4, 4), channels=1)
    assert len(found.names) == 1
    assert "no finite numbers" in found.left_out[0].reason


@pytest.mark.parametrize("wrong", ["4095", "1,2,3", "a,b", "5,1", "3,3", "0,inf", "nan,1", (1,), "0;9"])
def test_a_wrong_range_is_refused(wrong):
    with pytest.raises(InputError, match="give auto, or two numbers"):
        parse_range(wrong)


@pytest.mark.parametrize(
    "found",
    [
        [Values(0, 0.5, 32, known=False), Values(0, 4000, 16, known=False)],
        [Values(-5, 4000, 16, known=False)],
        [Values(0, 70000, 16, known=False)],
    ],
)
def test_what_tells_no_range_is_refused(found):
    with pytest.raises(InputError):
        choose_scale(found, None)


def test_a_map_of_grey_says_its_own_top(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(10):
            body = b"P5 2 1 1023\n" + struct.pack(">2H", i * 10, 100)
            (tmp_path / "data" / name / f"{i}.pgm").write_bytes(body)
    data = load_dataset(str(tmp_path / "data"))
    assert data.reading == {"fit": "crop", "range": None}
    assert data.test.pixels[:, 0, 1].max() == round(100 / 1023 * 255)
    assert json.dumps(data.describe())
