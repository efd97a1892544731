import json
import os
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest

from ironglass.data import load_dataset
from ironglass.data.images import load_images
from ironglass.data.source import ColumnRequest
from ironglass.data.sources.folder import folder
from ironglass.data.sources.walk import images_under
from ironglass.errors import InputError


def test_class_folders_without_splits(tmp_path, class_folders):
    source = folder(class_folders(tmp_path / "pets", ("b", "a"), n=3))
    (listing,) = source.listings().values()
    assert source.name == "pets"
    assert listing.classes == ("a", "b")
    assert listing.names == ["a/000.png", "a/001.png", "a/002.png", "b/000.png", "b/001.png", "b/002.png"]
    assert listing.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert list(listing.read(np.array([4]))) == [tmp_path / "pets/b/001.png"]


def test_split_folders_by_any_name_and_an_unlabelled_one(tmp_path, class_folders):
    for split in ("Train", "val"):
        class_folders(tmp_path / split, n=2)
    (tmp_path / "test").mkdir()
    shutil.copy(tmp_path / "val/cat/000.png", tmp_path / "test")
    found = folder(tmp_path).listings()
    assert list(found) == ["train", "validation"]
    assert found["train"].names[0] == "Train/cat/000.png"
    assert found["validation"].labels.tolist() == [0, 0, 1, 1]


def test_a_class_may_be_called_train(tmp_path, class_folders):
    class_folders(tmp_path, ("bus", "train"), n=1)
    assert folder(tmp_path).listings()["train"].classes == ("bus", "train")


def test_a_lone_folder_on_top_and_deep_folders_below(tmp_path, class_folders):
    class_folders(tmp_path / "in" / "pets", n=1)
    (tmp_path / "in/pets/cat/old/older").mkdir(parents=True)
    (tmp_path / "in/pets/cat/000.png").rename(tmp_path / "in/pets/cat/old/older/a.PNG")
    assert folder(tmp_path).listings()["train"].names == ["cat/old/older/a.PNG", "dog/000.png"]


def test_what_is_no_image_by_its_name_is_passed_over(tmp_path, class_folders):
    class_folders(tmp_path, n=1)
    for name in ("cat/notes.txt", "cat/.hidden.png", ".git/x.png", "__MACOSX/cat/x.png", "loose.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert folder(tmp_path).listings()["train"].names == ["cat/000.png", "dog/000.png"]


def test_identity_changes_with_any_file_but_not_with_the_place(tmp_path, class_folders):
    here = class_folders(tmp_path / "here" / "pets", n=2)
    there = Path(shutil.copytree(here, tmp_path / "there" / "pets"))
    before = folder(here).identity
    assert folder(there).identity == before
    (there / "cat/000.png").touch()
    assert folder(there).identity != before
    (here / "cat/001.png").unlink()
    assert folder(here).identity != before


def test_links_are_followed_but_not_in_circles(tmp_path, class_folders):
    class_folders(tmp_path / "data", ("cat",), n=2)
    (tmp_path / "data/dog").symlink_to(class_folders(tmp_path / "elsewhere", ("dog",), n=2) / "dog")
    (tmp_path / "data/cat/up").symlink_to(tmp_path / "data")
    assert folder(tmp_path / "data").listings()["train"].labels.tolist() == [0, 0, 1, 1]


def test_folders_without_classes_or_images_are_refused(tmp_path, class_folders):
    with pytest.raises(InputError, match="has no class folders"):
        folder(tmp_path).listings()
    class_folders(tmp_path, n=1)
    (tmp_path / "bird").mkdir()
    with pytest.raises(InputError, match=r"class folder .*bird has no images"):
        folder(tmp_path).listings()


def test_images_under_a_folder_are_sorted(tmp_path, class_folders):
    class_folders(tmp_path, n=2)
    assert [path.relative_to(tmp_path).as_posix() for path in images_under(tmp_path)] == [
        "cat/000.png",
        "cat/001.png",
        "dog/000.png",
        "dog/001.png",
    ]


def tree(root: Path, *names: str) -> Path:
    """A file of each name, an image by its suffix alone."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.mark.parametrize("odd", ["train", "test", "val", "Train", "dev", "validation", "test tube", "training-set"])
@pytest.mark.parametrize("deep", [False, True])
def test_a_class_bears_any_name_of_a_split_beside_other_classes(tmp_path, odd, deep):
    inner = ("day/", "night/") if deep else ("",)
    tree(tmp_path, *(f"{name}/{sub}{i}.png" for name in ("bus", "car", odd) for sub in inner for i in range(3)))
    (listing,) = folder(tmp_path).listings().values()
    assert listing.classes == tuple(sorted(("bus", "car", odd)))
    assert len(listing) == 9 * len(inner)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["train/a/0.png", "train/b/0.png", "unlabelled/0.png"], r"splits or classes\? Give --splits train=train"),
        (["train/a/0.png", "test/a/0.png", "more/a/0.png"], "--splits test=test,train=train"),
        (["train/0.png", "test/0.png"], "no class folders in them"),
    ],
)
def test_what_could_be_splits_or_classes_is_asked(tmp_path, names, says):
    with pytest.raises(InputError, match=says):
        folder(tree(tmp_path, *names)).listings()


def test_splits_by_any_name_where_they_are_named(tmp_path):
    names = [f"{split}/{name}/{i}.png" for split in ("learn", "exam", "spare") for name in "ab" for i in range(2)]
    tree(tmp_path, *names)
    (listing,) = folder(tmp_path).listings().values()
    assert listing.classes == ("exam", "learn", "spare")
    assert any("if they are splits, give --splits" in note for note in listing.notes)
    found = folder(tmp_path, ColumnRequest(splits={"train": "learn", "test": "exam"})).listings()
    assert list(found) == ["train", "test"]
    assert found["test"].classes == ("a", "b")
    assert any("left out the splits spare" in note for note in found["train"].notes)


def test_a_folder_without_images_decides_nothing(tmp_path):
    tree(tmp_path, "train/a/0.png", "train/b/0.png", "test/a/0.png", "test/b/0.png", "docs/readme.txt")
    assert list(folder(tmp_path).listings()) == ["train", "test"]


def test_loose_images_are_left_out_by_name(tmp_path, class_folders):
    class_folders(tmp_path, n=2)
    tree(tmp_path, "loose.png", "cat/readme.txt")
    (listing,) = folder(tmp_path).listings().values()
    assert listing.left_out == (
        ("loose.png", "in no class folder"),
        ("cat/readme.txt", "no image by its name"),
    )
    assert listing.notes == ("left out 1 files that are no images by their names (1 .txt), as cat/readme.txt",)


def test_links_that_lead_nowhere_or_in_circles(tmp_path, class_folders):
    root = class_folders(tmp_path / "pets", n=20)
    (root / "cat/broken.png").symlink_to("nowhere")
    (root / "cat/round.png").symlink_to("round.png")
    dataset = load_dataset(str(root))
    assert {file.name: file.reason for file in dataset.quarantined} == {
        "cat/broken.png": "a broken link",
        "cat/round.png": "a link that leads in a circle",
    }
    (root / "owl").symlink_to("nowhere")
    with pytest.raises(InputError, match="owl is a broken link"):
        load_dataset(str(root))


def test_a_knot_of_links_ends(tmp_path):
    for name in "abcdefgh":
        tree(tmp_path, f"{name}/0.png")
        for other in "abcdefgh":
            (tmp_path / name / f"to-{other}").symlink_to(tmp_path / other)
    with pytest.raises(InputError, match="over and over"):
        list(images_under(tmp_path))


def test_folders_as_deep_as_they_can_be(tmp_path):
    path = tmp_path
    for _ in range(400):
        path /= "d"
        path.mkdir()
    (path / "0.png").write_bytes(b"x")
    assert len(list(images_under(tmp_path))) == 1


@pytest.mark.parametrize("kind", ["pipe", "socket", "device"])
def test_what_is_no_file_is_never_opened(tmp_path, class_folders, kind):
    root = class_folders(tmp_path / "pets", n=20)
    odd = root / "cat" / "odd.png"
    if kind == "pipe":
        os.mkfifo(odd)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(odd))
    else:
        odd.symlink_to("/dev/zero")
    dataset = load_dataset(str(root))
    assert [(file.name, file.reason) for file in dataset.quarantined] == [("cat/odd.png", f"a {kind}, not a file")]
    for spec in (f"folder:{odd}", str(odd), f"hf:{odd}"):
        with pytest.raises(InputError, match=f"a {kind}, not a file"):
            load_dataset(spec)


def test_names_that_are_no_utf_8_are_made_printable(tmp_path, png):
    for name in (b"caf\xe9", b"plain"):
        inner = tmp_path / "data" / os.fsdecode(name)
        inner.mkdir(parents=True)
        for i in range(10):
            (inner / os.fsdecode(b"\xff%d.png" % i)).write_bytes(png(i))
    dataset = load_dataset(str(tmp_path / "data"))
    assert dataset.classes == (r"caf\xe9", "plain")
    json.dumps(dataset.describe(), ensure_ascii=False).encode()
    assert all(name.encode() for split in dataset.splits.values() for name in split.names)
    found = load_images([tmp_path / "data"], size=(8, 8), channels=3)
    assert len(found.pixels) == 20
    assert found.names[0].endswith(r"caf\xe9/\xff0.png")


@pytest.mark.parametrize("name", ["line\nbreak", 'quote"s', "<script>alert(1)</script>", "=cmd()", "x" * 250, "ünï"])
def test_class_names_of_any_kind_are_kept(tmp_path, class_folders, name):
    assert (
        name.replace("/", "")
        in load_dataset(str(class_folders(tmp_path / "pets", (name.replace("/", ""), "dog"), n=10))).classes
    )
