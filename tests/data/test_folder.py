import shutil
from pathlib import Path

import numpy as np
import pytest

from ironglass.data.folder import folder, images_under
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
