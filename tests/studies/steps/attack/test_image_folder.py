"""Where images go in a folder a class."""

from pathlib import Path

import numpy as np
import pytest

from ironglass.studies.steps.attack.image_folder import file_names, read_png, write_png


def test_names_are_readable_apart_and_inside_their_folder() -> None:
    names = ["test/cat/a.jpg", "cat/b/a.png", "train/7", "A.jpg", "..", "cat/a.png", "x" * 500]
    labels, classes = np.array([0, 0, 1, 0, 1, 0, 1]), ("cat", "../dog: big/é")
    found = file_names(names, labels, classes)
    assert found[:6] == [
        "cat/a~0.png",
        "cat/b_a.png",
        "__dog_ big_é/train_7.png",
        "cat/A~3.png",
        "__dog_ big_é/_.png",
        "cat/a~5.png",
    ]
    assert len({name.casefold() for name in found}) == len(names)
    for name in found:
        assert name.count("/") == 1
        assert all(part and not part.startswith(".") and len(part.encode()) <= 255 for part in name.split("/"))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_keeps_every_byte(tmp_path: Path, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, channels), dtype=np.uint8)
    write_png(tmp_path / "class" / "a.png", pixels)
    assert np.array_equal(read_png(tmp_path / "class" / "a.png"), pixels)
