"""A list of images to leave out: written, read, obeyed, refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ironglass as ig
from ironglass.data.leave_out import list_text, read_list
from ironglass.errors import InputError


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i:02}.png")
    return tmp_path / "photos"


def test_odd_names_come_back(tmp_path: Path) -> None:
    names = ["a b.png", "#1.png", "a\tb.png", "a\nb.png", '"quoted".png', " lead.png", "ä.png", "trail "]
    path = tmp_path / "list.txt"
    path.write_text(list_text([(name, "a\nreason", True) for name in names] + [("no.png", "blurred", False)]), "utf-8")
    assert read_list(path) == tuple(names)


def test_listed_images_are_left_out_and_all_others_stay_where_they_were(photos: Path, tmp_path: Path) -> None:
    whole = ig.load_dataset(photos)
    path = tmp_path / "list.txt"
    gone = {whole.train.names[0], whole.test.names[0]}
    path.write_text("\n".join(gone))
    smaller = ig.load_dataset(photos, leave_out=path)
    for name, split in whole.splits.items():
        index = [i for i, image in enumerate(split.names) if image not in gone]
        assert smaller[name].names == tuple(split.names[i] for i in index)
        assert np.array_equal(smaller[name].pixels, split.pixels[index])
        assert np.array_equal(smaller[name].labels, split.labels[index])
    assert any("left out as list.txt lists" in note for note in smaller.notes)
    assert smaller.fingerprint != whole.fingerprint


def test_an_empty_list_leaves_nothing_out(photos: Path, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("# nothing\n")
    assert ig.load_dataset(photos, leave_out=path).fingerprint == ig.load_dataset(photos).fingerprint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ant/no.png", "names 'ant/no.png'.*the data have no such image"),
        ("\n".join(f"bee/{i:02}.png" for i in range(20)), "leaves no image of the class 'bee'"),
        ('"ant', "no JSON text"),
    ],
)
def test_lists_that_do_not_fit_are_refused(photos: Path, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        ig.load_dataset(photos, leave_out=path)


def test_a_list_that_is_not_there_is_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the list"):
        ig.load_dataset(photos, leave_out=tmp_path / "none.txt")
