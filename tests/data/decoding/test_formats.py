"""Kinds of files: told by their bytes, read where a library is there, named where they are left out."""

import io
import sys
import types

import numpy as np
import pytest
from PIL import Image

from ironglass.data import load_dataset
from ironglass.data.build import Reading
from ironglass.data.decoding.decode import decode
from ironglass.data.images import load_images
from ironglass.errors import InputError

PHOTO = Image.fromarray(
    np.stack(np.broadcast_arrays(np.arange(64)[:, None] * 2, np.arange(96)[None] * 2, np.uint8(60)), 2).astype(np.uint8)
)


def encoded(image: Image.Image, form: str, **options) -> bytes:
    if form == "heif":
        pillow_heif = pytest.importorskip("pillow_heif")
        pillow_heif.register_heif_opener()
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("form", ["avif", "heif", "webp", "jpeg2000", "jpeg", "bmp", "gif", "ppm", "tiff", "png"])
@pytest.mark.parametrize("suffix", ["", ".png", ".jpg"])
def test_a_file_is_what_its_bytes_are(form, suffix, tmp_path):
    path = tmp_path / f"photo{suffix}"
    path.write_bytes(encoded(PHOTO, form))
    for given in (path, path.read_bytes()):
        assert np.abs(decode(given).astype(int) - np.asarray(PHOTO)).mean() < 6


@pytest.mark.parametrize("form", ["avif", "heif", "jpeg", "tiff", "webp", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once_in_every_kind(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }  # fmt: skip
    wanted = np.asarray(PHOTO.transpose(upright[orientation]) if orientation > 1 else PHOTO).astype(int)
    given = {"tiff": exif}.get(form, exif.tobytes())
    found = decode(encoded(PHOTO, form, exif=given))
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).mean() < 6


def test_heic_and_jpeg_xl_name_their_library_where_it_is_absent(monkeypatch, tmp_path):
    heic = encoded(PHOTO, "heif")
    for name in ("pillow_heif", "pillow_jxl"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    with pytest.raises(ValueError, match=r"pip install 'ironglass\[heic\]'"):
        decode(heic)
    for start in (b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n"):
        with pytest.raises(ValueError, match="pip install pillow-jxl-plugin"):
            decode(start + bytes(100))
    (tmp_path / "phone.heic").write_bytes(heic)
    PHOTO.save(tmp_path / "good.png")
    found = load_images([tmp_path], size=(8, 8), channels=3)
    assert [file.reason for file in found.left_out] == [
        "HEIC, which takes another library: pip install 'ironglass[heic]'"
    ]


def test_jpeg_xl_is_read_where_a_plugin_gives_it_to_pillow(monkeypatch):
    """The plugin itself is not in the test environment: one that reads a made-up body stands for it."""
    from PIL import ImageFile

    class Fake(ImageFile.ImageFile):
        format = "JXL"

        def _open(self) -> None:
            self._size, self._mode = (2, 2), "L"

        def load(self):
            self.im = Image.new("L", (2, 2), 9).im
            return Image.Image.load(self)

    monkeypatch.setitem(sys.modules, "pillow_jxl", types.ModuleType("pillow_jxl"))
    for table in ("OPEN", "ID"):
        monkeypatch.setattr(Image, table, type(getattr(Image, table))(getattr(Image, table)))
    Image.register_open("JXL", Fake, lambda start: start.startswith(b"\xff\x0a"))
    assert (decode(b"\xff\x0a" + bytes(100)) == 9).all()


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"%PDF-1.7", "PDF"), (b"%!PS-Adobe", "PostScript"), (b"8BPS\0", "Photoshop"), (b"\x93NUMPY", "NumPy"),
        (b"<svg xmlns=''>", "SVG"), (bytes(128) + b"DICM", "DICOM"), (b"PK\x03\x04", "ZIP"), (b"\x89HDF\r\n", "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"), (b"SIMPLE  =        T", "FITS"),
    ],
)  # fmt: skip
def test_what_is_no_photograph_is_named(start, reason):
    with pytest.raises(ValueError, match=reason):
        decode(start + bytes(200))


@pytest.mark.parametrize("fit", ["crop", "letterbox", "stretch"])
@pytest.mark.parametrize("shape", [(40, 100), (100, 40), (40, 40), (300, 30)])
def test_each_fit_shows_what_it_says(fit, shape):
    wide = np.full((*shape, 3), 200, np.uint8)
    wide[:2] = wide[-2:] = wide[:, :2] = wide[:, -2:] = (250, 0, 0)  # a frame
    pixels = decode(Image.fromarray(wide), (40, 40), fit=fit)
    assert pixels.shape == (40, 40, 3)
    red = (pixels[..., 0] > pixels[..., 1].astype(int) + 15) & (pixels[..., 0] > 100)
    black = (pixels == 0).all(2)
    square = shape[0] == shape[1]
    if fit == "letterbox":
        assert black.any() == (not square)
        share = min(shape) / max(shape)
        assert abs((~black).mean() - share) < 0.05
    else:
        assert not black.any()
    sides = red.any(0)[[0, -1]].all() and red.any(1)[[0, -1]].all()
    if fit == "stretch":
        assert sides
    if fit == "crop" and not square:
        ends = red[:, [0, -1]] if shape[1] > shape[0] else red[[0, -1]]
        assert not ends.all()


def test_a_crop_that_drops_much_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(10):
            size = (40, 16) if i == 3 else (20, 16)
            Image.new("RGB", size, (200, 10 * i, ord(name))).save(tmp_path / "data" / name / f"{i}.png")
    data = load_dataset(str(tmp_path / "data"), size=16)
    (note,) = data.notes
    assert "a third of 2 of 20 images, as of a/3.png" in note or "a third of 2 of 20 images, as of b/3.png" in note
    prints = {data.fingerprint}
    for fit in ("letterbox", "stretch"):
        found = load_dataset(str(tmp_path / "data"), size=16, fit=fit)
        assert found.reading["fit"] == fit
        assert f"--fit {fit}" in found.notes[0]
        prints.add(found.fingerprint)
    assert len(prints) == 3
    with pytest.raises(InputError, match="give crop, letterbox, stretch"):
        load_dataset(str(tmp_path / "data"), size=16, fit="squash")


def test_animations_and_transparency_are_said(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 255)).save(tmp_path / "opaque.png")
    found = load_images([tmp_path], size=(8, 8), channels=3)
    first, second = found.notes
    assert "of 2 of 4 files the first frame" in first
    assert "1 of 4 images are partly transparent" in second
    assert found.pixels[[name.endswith("moving.gif") for name in found.names]][0, 0, 0].tolist() == [254, 0, 0] or (
        found.pixels[1, 0, 0].tolist() == [255, 0, 0]
    )


def test_every_file_that_is_left_out_has_a_name_and_a_reason(tmp_path):
    (tmp_path / "deep").mkdir()
    PHOTO.save(tmp_path / "deep" / "good.png")
    PHOTO.save(tmp_path / "_misnamed.dat", "png")
    PHOTO.save(tmp_path / ".hidden.png")
    (tmp_path / "__MACOSX").mkdir()
    PHOTO.save(tmp_path / "__MACOSX" / "x.png")
    (tmp_path / "notes.txt").write_text("I am text")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "text.jpg").write_text("I am text")
    (tmp_path / "cut.png").write_bytes(encoded(PHOTO, "png")[:120])
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "deep" / "circle").symlink_to(tmp_path)
    found = load_images([tmp_path], size=(8, 8), channels=3)
    assert found.names == [str(tmp_path / "deep" / "good.png")]
    reasons = {file.name[len(str(tmp_path)) + 1 :]: file.reason for file in found.left_out}
    assert {name: reasons[name] for name in ("__MACOSX/x.png", ".hidden.png", "notes.txt", "empty.csv")} == {
        "__MACOSX/x.png": "hidden",
        ".hidden.png": "hidden",
        "notes.txt": "not an image",
        "empty.csv": "empty",
    }
    assert "an image by its bytes" in reasons["_misnamed.dat"]
    assert reasons["text.jpg"] == "not an image"
    assert "truncated" in reasons["cut.png"]
    assert reasons["gone.png"] == "a broken link"
    assert len(reasons) == 8
    named = load_images([tmp_path / "_misnamed.dat"], size=(8, 8), channels=3, reading=Reading())
    assert len(named.names) == 1  # named itself, it is what its bytes are


@pytest.mark.parametrize("layout", ["classes", "splits", "table"])
def test_a_data_set_names_every_file_that_is_in_none_of_its_splits(layout, tmp_path, monkeypatch):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data"
    for top in ("train", "test") if layout == "splits" else ("",):
        for name in ("a", "b"):
            (root / top / name).mkdir(parents=True)
            for i in range(30):
                PHOTO.resize((8, 8)).save(root / top / name / f"{i}.png")
    if layout == "table":
        lines = [f"{name}/{i}.png,{name}" for name in ("a", "b") for i in range(30)]
        (root / "labels.csv").write_text("\n".join(["file_name,label", *lines]))
    inside = root / ("train/a" if layout == "splits" else "a")
    (inside / "notes.txt").write_text("text")
    (inside / "movie.mp4").write_bytes(bytes(50))
    (inside / ".DS_Store").write_bytes(b"x")
    (root / ".git").mkdir()
    (root / ".git" / "x.png").write_bytes(b"x")
    (inside / "broken.png").write_text("text")
    data = load_dataset(str(root))
    base = inside.relative_to(root).as_posix()
    reasons = {file.name: file.reason for file in data.quarantined}
    assert reasons.items() >= {
        (f"{base}/notes.txt", "no image by its name"),
        (f"{base}/movie.mp4", "no image by its name"),
        (f"{base}/.DS_Store", "hidden"),
        (".git", "hidden"),
    }
    assert f"{base}/broken.png" in reasons
    assert len(reasons) == 5
    assert load_dataset(str(root)).quarantined == data.quarantined
