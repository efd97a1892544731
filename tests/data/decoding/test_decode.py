import io
import struct
import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from ironglass.data.decoding.decode import decode


def encoded(image: Image.Image, form: str = "png", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("1", (2, 2), 1), [255]),
        (Image.new("L", (2, 2), 77), [77]),
        (Image.new("LA", (2, 2), (100, 0)), [255]),
        (Image.new("LA", (2, 2), (100, 255)), [100]),
        (Image.new("RGB", (2, 2), (1, 2, 3)), [1, 2, 3]),
        (Image.new("RGBA", (2, 2), (200, 0, 0, 0)), [255, 255, 255]),
        (Image.new("RGBA", (2, 2), (200, 0, 100, 51)), [244, 204, 224]),  # 255 + (x - 255) / 5
        (Image.new("RGB", (2, 2), (1, 2, 3)).convert("P", palette=Image.Palette.ADAPTIVE), [1, 2, 3]),
    ],
    ids=["1", "L", "LA-clear", "LA-opaque", "RGB", "RGBA-clear", "RGBA-fifth", "P"],
)
def test_each_mode_becomes_opaque_grey_or_colour(image, expected):
    pixels = decode(encoded(image))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, np.broadcast_to(expected, (2, 2, len(expected))))


def test_a_palette_with_transparency_is_laid_over_white():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    pixels = decode(encoded(image, transparency=1))
    np.testing.assert_array_equal(pixels, [[[10, 20, 30], [255, 255, 255]]])


def test_a_transparent_colour_is_laid_over_white():
    image = Image.new("RGB", (2, 1), (9, 9, 9))
    image.putpixel((1, 0), (1, 2, 3))
    np.testing.assert_array_equal(decode(encoded(image, transparency=(1, 2, 3))), [[[9, 9, 9], [255, 255, 255]]])
    grey = Image.fromarray(np.array([[9, 5]], np.uint8))
    np.testing.assert_array_equal(decode(encoded(grey, transparency=5)), [[[9], [255]]])


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_are_scaled_not_clipped(form):
    values = np.array([[0, 128, 257, 40000, 65535]], np.uint16)
    pixels = decode(encoded(Image.fromarray(values), form))
    np.testing.assert_array_equal(pixels[0, :, 0], np.rint(values[0] / 257))


def test_a_grey_map_of_sixteen_bits_is_scaled_by_its_own_top():
    file = b"P5 2 1 1023\n" + struct.pack(">2H", 0, 1023)
    np.testing.assert_array_equal(decode(file)[0, :, 0], [0, 255])


def test_floats_in_0_1_are_taken_and_others_refused_with_their_range():
    pixels = decode(encoded(Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)), "tiff"))
    np.testing.assert_array_equal(pixels[0, :, 0], [0, 128, 255])
    with pytest.raises(ValueError, match="from -1 to 300"):
        decode(encoded(Image.fromarray(np.array([[-1.0, 300.0]], np.float32)), "tiff"))
    with pytest.raises(ValueError, match="nan"):
        decode(encoded(Image.fromarray(np.array([[np.nan, 0.5]], np.float32)), "tiff"))


def test_cmyk_jpeg_keeps_its_colours(gradient):
    # Pillow writes CMYK as Adobe does, inverted
    pixels = decode(encoded(gradient.convert("CMYK"), "jpeg", quality=100, subsampling=0))
    assert np.abs(pixels.astype(int) - np.asarray(gradient)).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation, gradient):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    file = encoded(gradient, "png", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))))
    np.testing.assert_array_equal(decode(file), expected)
    assert decode(file).shape[:2] == ((64, 96) if orientation < 5 else (96, 64))


def test_a_broken_exif_block_does_not_lose_the_image(gradient):
    file = encoded(gradient, "jpeg", exif=b"Exif\0\0garbage")
    assert decode(file).shape == (64, 96, 3)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "green")]
    for form in ("gif", "png", "webp"):
        file = encoded(
            frames[0], form, save_all=True, append_images=frames[1:], **({"lossless": True} if form == "webp" else {})
        )
        np.testing.assert_array_equal(decode(file)[0, 0], [255, 0, 0])


def test_channels_as_asked():
    grey, colour = encoded(Image.new("L", (1, 1), 50)), encoded(Image.new("RGB", (1, 1), (255, 0, 0)))
    np.testing.assert_array_equal(decode(grey, channels=3), [[[50, 50, 50]]])
    np.testing.assert_array_equal(decode(colour, channels=1), [[[76]]])  # 0.299 of 255


@pytest.mark.parametrize("side", [20, 33, 80])
def test_size_agrees_with_torch_on_a_square(side):
    image = np.random.default_rng(1).integers(0, 256, (50, 50, 3), np.uint8)
    planes = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    expected = F.interpolate(planes, (side, side), mode="bilinear", antialias=True)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(decode(Image.fromarray(image), (side, side)), expected, atol=1.01)


def test_the_rest_is_cut_off_evenly():
    columns = np.repeat(np.arange(100, dtype=np.uint8)[None], 40, 0)  # 100 wide, 40 high: 30 to 70 stay
    pixels = decode(Image.fromarray(columns), (40, 40))[..., 0]
    np.testing.assert_array_equal(pixels, columns[:, 30:70])
    pixels = decode(Image.fromarray(columns), (20, 50))[..., 0]  # exactly half
    np.testing.assert_allclose(pixels[0], np.arange(50) * 2 + 0.5, atol=0.6)


@pytest.mark.parametrize("side", [20, 33])
def test_a_small_size_is_antialiased(side):
    board = np.indices((200, 200)).sum(0) % 2 * 255
    pixels = decode(Image.fromarray(board.astype(np.uint8)), (side, side))
    assert np.abs(pixels.astype(int) - 127).max() <= 4


def test_a_jpeg_decoded_at_a_fraction_looks_the_same():
    small = np.random.default_rng(2).integers(0, 256, (60, 60, 3), np.uint8)
    large = Image.fromarray(small).resize((900, 700), Image.Resampling.BICUBIC)
    file = encoded(large, "jpeg", quality=95)
    whole = Image.open(io.BytesIO(file))
    whole.load()
    fast, slow = decode(file, (48, 48)).astype(int), decode(whole.copy(), (48, 48)).astype(int)
    assert np.abs(fast - slow).mean() < 1


def test_a_header_that_claims_too_much_is_refused_before_decoding():
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    file = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(ValueError, match="10000 × 10000"):
        decode(file)
