"""Shorter sides of images from their headers: of files and of tables, kept, and none of data that are elsewhere."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.data import load_dataset
from ironglass.data.source import NO_REQUEST
from ironglass.data.survey import stored_sizes
from ironglass.data.survey.stored_sizes import shorter_sides


def test_sides_are_those_of_the_files_and_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        for i in range(12):
            Image.new("L", (40, 10 + i), 9 * i).save(tmp_path / name / f"{i:02}.png")
    dataset = load_dataset(tmp_path, size=8)
    names = dataset.train.names
    sides = shorter_sides(str(tmp_path), NO_REQUEST, names, data=dataset.fingerprint)
    assert sides is not None
    assert sides.tolist() == [10 + int(Path(name).stem) for name in names]
    monkeypatch.setattr(stored_sizes, "in_threads", None)  # nothing is opened again
    again = shorter_sides(str(tmp_path), NO_REQUEST, names, data=dataset.fingerprint)
    assert again is not None
    assert (again == sides).all()


def test_a_header_that_cannot_be_read_has_no_side(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    sides = [stored_sizes._size(one) for one in (tmp_path / "bad.png", tmp_path / "absent.png", None, b"")]
    assert np.isnan(sides).all()
    assert stored_sizes._size(Image.new("L", (7, 5))) == (7, 5)


def test_a_photograph_held_upright_has_its_upright_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[stored_sizes.ORIENTATION] = 6
    Image.new("L", (7, 5)).save(tmp_path / "turned.jpg", exif=exif)
    assert stored_sizes._size(tmp_path / "turned.jpg") == (5, 7)


def test_data_that_are_no_files_have_none() -> None:
    digits = load_dataset("digits")
    assert shorter_sides("digits", NO_REQUEST, digits.test.names, data=digits.fingerprint) is None
