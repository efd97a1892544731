"""Files that are no pictures, or more than pictures: refused in a line, or read as a picture and nothing else."""

import base64
import gzip
import io
import pickle
import struct
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

pytestmark = pytest.mark.usefixtures("unharmed")
SCRIPT = b"<script>alert(1)</script>"


def picture(kind: str = "PNG", size: tuple[int, int] = (30, 20), **more: Any) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, kind, **more)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes, *, sum_of: int | None = None) -> bytes:
    checksum = zlib.crc32(name + data) if sum_of is None else sum_of
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def png(
    width: int, height: int, data: bytes = b"", *more: bytes, colours: int = 2, checksum: int | None = None
) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0), sum_of=checksum)
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def archive(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, picture())
    return buffer.getvalue()


def tiff(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + rows + struct.pack("<I", following)


BILLION = b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>" + b"".join(
    b"<!ENTITY %c '%s'>" % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(9)
)
PNG, JPEG, GIF, WEBP, BMP, TIFF = (picture(kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"))
ZEROS = zlib.compress(bytes(50_000_000), 9)

NO_PICTURE: dict[str, bytes] = {
    "nothing": b"",
    "one byte": b"\x89",
    "spaces": b" " * 1000,
    "a sentence": b"a picture of a cat " * 50,
    "utf-16": "picture".encode("utf-16") * 50,
    "noise of 1 MB": np.random.default_rng(1).bytes(2**20),
    "20 MB of nothing": bytes(20 * 2**20),
    "svg with a script": b"<svg xmlns='http://www.w3.org/2000/svg'>" + SCRIPT + b"</svg>",
    "svg that reads a file": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "svg of a billion laughs": BILLION + b"]><svg>&j;</svg>",
    "packed svg": gzip.compress(b"<svg>" + SCRIPT + b"</svg>"),
    "a web page": b"<!doctype html>" + SCRIPT,
    "a script": b"#!/bin/sh\nrm -rf /\n",
    "a path": b"/etc/passwd",
    "an address": b"file:///etc/passwd",
    "a picture in a data address": b"data:image/png;base64," + base64.b64encode(PNG),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file 9 string readstring\n%%EOF\n",
    "pdf": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj\n",
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(60),
    "a program": b"\x7fELF\x02\x01\x01" + bytes(200),
    "a Windows program": b"MZ" + bytes(200),
    "a class of Java": b"\xca\xfe\xba\xbe" + bytes(99),
    "pickle": pickle.dumps({"pixels": [1, 2, 3]}),
    "numpy": b"\x93NUMPY\x01\0v\0{'descr': '|O', 'shape': (1,)}\n",
    "safetensors": struct.pack("<Q", 2**60) + b"{}",
    "zip": archive("cat.png"),
    "zip with a path": archive("../../cat.png"),
    "gzip of zeros": gzip.compress(bytes(10**7)),
    **{
        f"{name} cut after {size}": data[:size]
        for name, data in (("png", PNG), ("jpeg", JPEG), ("gif", GIF), ("webp", WEBP), ("bmp", BMP), ("tiff", TIFF))
        for size in (7, 30, len(data) // 2)
    },
    "png of 10^12 pixels": png(10**6, 10**6),
    "png of 400 million pixels": png(20_000, 20_000, bytes(10**6)),
    "png of no width": png(0, 5),
    "png of no height": png(5, 0),
    "png of 2^31 - 1": png(2**31 - 1, 1),
    "png of 2^32 - 1": png(2**32 - 1, 2**32 - 1),
    "png without pixels": png(30, 20),
    "png with a wrong sum": png(3, 2, bytes(20), checksum=1),
    "png of no kind": png(3, 2, bytes(20), colours=5),
    "png with a text of 50 MB": png(3, 2, bytes(20), chunk(b"zTXt", b"a\0\0" + ZEROS)),
    "png with a chunk of 4 GB": png(3, 2)[:33] + b"\xff\xff\xff\xff" + b"tEXt",
    "png in a png": PNG[:33] + PNG,
    "jpeg of 65,500 × 65,500": JPEG.replace(b"\0\x14\0\x1e\x03", b"\xff\xdc\xff\xdc\x03"),
    "jpeg of no size": JPEG.replace(b"\0\x14\0\x1e\x03", b"\0\0\0\0\x03"),
    "jpeg with a start alone": b"\xff\xd8\xff\xe0" + bytes(400),
    "jpeg of markers": b"\xff\xd8" + b"\xff\xe1\0\x02" * 50_000,
    "gif of 65,535 × 65,535": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x08\x02\0\0\0;",
    "gif that is a script": b"GIF89a/*" + bytes(9) + b"*/=1;alert(1)",
    "gif that is a page": b"GIF89a<html>" + SCRIPT,
    "bmp of a negative width": BMP[:18] + struct.pack("<i", -30) + BMP[22:],
    "bmp of 2^31 rows": BMP[:22] + struct.pack("<i", -(2**31)) + BMP[26:],
    "bmp that starts behind its end": BMP[:10] + struct.pack("<I", 2**31) + BMP[14:],
    "tiff of 2^32 pixels": tiff(
        (256, 4, 1, 2**16), (257, 4, 1, 2**16), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 9)
    ),
    "tiff that follows itself": tiff((256, 4, 1, 9), following=8),
    "tiff with a tag of 4 GB": tiff((256, 4, 2**30, 8), (257, 4, 1, 3)),
    "tiff of nothing": tiff(),
    "ico of nothing": b"\0\0\x01\0\xff\xff" + bytes(64),
    "webp of nothing": b"RIFF\xff\xff\xff\xffWEBPVP8X" + bytes(20),
    "psd": b"8BPS\0\x01" + bytes(99),
    "fits": b"SIMPLE  =                    T" + b" " * 3000,
    "a pgm of 10^18 pixels": b"P5 1000000000 1000000000 255\n",
    "pgm with a long number": b"P5 " + b"9" * 10_000 + b" 9 255\n",
    "xpm": b'/* XPM */\nstatic char *x[] = {\n"9 9 1 1",\n',
    "an avif head": b"\0\0\0\x20ftypavif" + bytes(50),
}


@pytest.mark.parametrize("name", NO_PICTURE)
def test_what_is_no_picture_is_refused_in_a_line(ask, studio, name: str) -> None:
    page = ask("POST", "ask/begin", {})[1]["page"]
    status, said, _ = ask("POST", f"photo/{page}", NO_PICTURE[name])
    assert status == 422
    assert said["error"].startswith("the picture cannot be read: ")
    assert len(said["error"]) < 300
    assert "\n" not in said["error"]
    assert not studio.sessions._pages[page].pictures


HIDDEN: dict[str, bytes] = {
    "after a png": PNG + SCRIPT,
    "after a jpeg": JPEG + SCRIPT,
    "a zip after a jpeg": JPEG + archive("x.html") + SCRIPT,
    "in a comment of a gif": picture("GIF", comment=SCRIPT),
    "in a comment of a jpeg": picture("JPEG", comment=SCRIPT),
    "in a text of a png": (lambda info: (info.add_text("Comment", SCRIPT.decode()), picture(pnginfo=info))[1])(
        PngImagePlugin.PngInfo()
    ),
    "in the profile of a jpeg": picture("JPEG", icc_profile=SCRIPT * 9),
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_hidden_in_a_picture_stays_behind(ask, name: str) -> None:
    """A polyglot is read as the picture that it is; what else it is comes back nowhere."""
    page = ask("POST", "ask/begin", {})[1]["page"]
    status, put_in, _ = ask("POST", f"photo/{page}", HIDDEN[name])
    assert status == 200
    numbers = ask("POST", "ask/numbers", {"page": page, "upload": put_in["upload"]})[1]
    for kept in ("photo_png", "painted_png"):
        decoded = base64.b64decode(numbers[kept])
        assert b"script" not in decoded
        with Image.open(io.BytesIO(decoded)) as image:
            assert (image.size, image.info) == ((24, 24), {})


def test_a_picture_at_the_limit_is_read_and_forgotten(ask) -> None:
    page = ask("POST", "ask/begin", {})[1]["page"]
    assert ask("POST", f"photo/{page}", png(7000, 7000, bytes(7001 * 7000), colours=0))[0] == 200


@pytest.mark.parametrize("key", ["", "x", "../..", "%2e%2e", "a/b", "a" * 5000, "photo.png"])
def test_a_page_that_is_not_there_takes_no_picture(ask, key: str) -> None:
    assert ask("POST", f"photo/{key}", PNG)[0] == 422
