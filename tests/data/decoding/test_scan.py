import io
import struct
import warnings
import zlib

import numpy as np
from PIL import Image, ImageFile

from ironglass.data.decoding.scan import scan


def jpeg(side: int = 64) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)).save(file, "jpeg")
    return file.getvalue()


def bomb(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_results_come_in_order_and_bad_ones_as_reasons(png, tmp_path):
    images = [png(i) for i in range(200)]
    images[70] = b"no image at all"
    images[150] = b""
    results = [one if isinstance(one, str) else one.pixels for one in scan(images)]
    assert len(results) == 200
    for i, result in enumerate(results):
        if i in (70, 150):
            assert result == {70: "not an image", 150: "empty"}[i]
        else:
            assert not isinstance(result, str)
            assert result[0, 0, 0] == i


def test_each_kind_of_bad_file_has_a_reason(tmp_path):
    (tmp_path / "text.jpg").write_text("I am text")
    bad = {
        "text": tmp_path / "text.jpg",
        "absent": tmp_path / "absent.png",
        "truncated": jpeg()[:1000],
        "100 MP": bomb(10_000),
        "400 MP": bomb(20_000),
        "none": None,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        reasons = dict(zip(bad, scan(bad.values()), strict=True))
    assert not caught
    assert reasons["text"] == "not an image"
    assert reasons["absent"] == "No such file or directory"
    assert "truncated" in reasons["truncated"]
    assert "50 million" in reasons["100 MP"]
    assert "50 million" in reasons["400 MP"]
    assert reasons["none"] == "empty"


def test_a_truncated_file_is_bad_even_where_someone_made_pillow_lenient(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    (result,) = scan([jpeg()[:1000]])
    assert isinstance(result, str)
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_no_more_is_read_ahead_than_a_few_batches(png):
    asked = []

    def images():
        for i in range(100_000):
            asked.append(i)
            yield png(i % 250)

    results = scan(images())
    next(results)
    results.close()
    assert len(asked) < 20_000
