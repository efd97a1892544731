"""Tables of files and labels: every usual form is read right, or refused in one line."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.data import load_dataset
from ironglass.errors import InputError

SHADES = {"cat": 40, "dog": 120, "owl": 200}
CLASSES = [list(SHADES)[i % 3] for i in range(30)]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def images(tmp_path) -> Path:
    """30 grey images in `data/images`, each of its class's shade, up to its number."""
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    for i, name in enumerate(CLASSES):
        Image.new("L", (6, 6), SHADES[name] + i).save(folder / f"{i:02}.png")
    return folder.parent


def right(dataset, n: int = 30, classes=tuple(SHADES)) -> None:
    assert dataset.classes == classes
    assert sum(map(len, dataset.splits.values())) == n
    for split in dataset.splits.values():
        for pixels, label in zip(split.pixels, split.labels, strict=True):
            assert list(SHADES)[label] == max(
                (name for name, v in SHADES.items() if v <= pixels[0, 0, 0]), key=SHADES.get
            )


def lines(header: str, mark: str = ",", place: str = "images/", suffix: str = ".png") -> str:
    rows = [f"{place}{i:02}{suffix}{mark}{name}" for i, name in enumerate(CLASSES)]
    return "\n".join([*([header] if header else []), *rows]) + "\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("data.csv", lines(f"{file},{label}")) for file, label in (
            ("path", "label"), ("file", "class"), ("filename", "target"), ("file_name", "label"), ("image", "category"),
            ("Image Path", "Class"), ("FileName", "LABEL"), ("id", "label"), ("path", "species"),
        )),
        ("data.tsv", lines("path\tlabel", "\t")),
        ("data.csv", lines("path;label", ";")),
        ("data.csv", "\ufeff" + lines("path,label")),
        ("data.csv", lines("path,label").replace("\n", "\r\n")),
        ("data.csv", lines("path,label", '",').replace("images", '"images')),
        ("data.csv", lines("path,label", place="images\\")),
        ("data.csv", lines("path,label", place="./images//")),
        ("data.csv", lines("path,label", place="images/../images/")),
        ("data.csv", lines("path,label", place="")),
        ("data.csv", lines("path,label", place="", suffix="")),
        ("labels.csv", lines("")),
        ("labels.txt", lines("", " ")),
        ("labels.txt", lines("", "\t")),
        ("annotations.csv", lines("file_name,label")),
        ("metadata.csv", lines("file_name,label")),
        ("metadata.jsonl", "".join(
            json.dumps({"file_name": f"images/{i:02}.png", "label": name, "more": [1, {}]}) + "\n"
            for i, name in enumerate(CLASSES)
        )),
    ],
)  # fmt: skip
def test_every_usual_table_is_read(images, name, text):
    (images / name).write_text(text, encoding="utf-8", newline="")
    for spec in (images / name, images, f"folder:{images}"):
        dataset = load_dataset(str(spec))
        right(dataset)
        assert sorted(name for split in dataset.splits.values() for name in split.names)[0] == "images/00.png"


def test_a_table_goes_with_its_images_in_an_archive_and_below_a_lone_folder(images, tmp_path):
    (images / "labels.csv").write_text(lines("path,label"))
    shutil.make_archive(str(tmp_path / "packed"), "zip", images)
    right(load_dataset(str(tmp_path / "packed.zip")))
    (tmp_path / "outer").mkdir()
    images.rename(tmp_path / "outer" / "inner")
    right(load_dataset(str(tmp_path / "outer")))


def test_splits_by_a_column_by_folders_and_by_tables(images, tmp_path):
    parts = ["train"] * 18 + ["val"] * 6 + ["test"] * 6
    rows = [f"images/{i:02}.png,{name},{part}" for i, (name, part) in enumerate(zip(CLASSES, parts, strict=True))]
    (images / "data.csv").write_text("path,label,split\n" + "\n".join(rows))
    found = [load_dataset(str(images / "data.csv"))]

    shutil.copytree(images, tmp_path / "hf")
    for part in ("train", "val", "test"):
        (tmp_path / "hf" / part).mkdir()
        own = [(i, name) for i, name in enumerate(CLASSES) if parts[i] == part]
        for i, _ in own:
            (tmp_path / "hf/images" / f"{i:02}.png").rename(tmp_path / "hf" / part / f"{i:02}.png")
        (tmp_path / "hf" / part / "metadata.csv").write_text(
            "file_name,label\n" + "".join(f"{i:02}.png,{name}\n" for i, name in own)
        )
    (tmp_path / "hf/data.csv").unlink()
    (tmp_path / "hf/images").rmdir()
    found.append(load_dataset(str(tmp_path / "hf")))

    shutil.copytree(tmp_path / "hf", tmp_path / "root")
    for part in ("train", "val", "test"):
        (tmp_path / "root" / part / "metadata.csv").unlink()
    rows = [f"{part}/{i:02}.png,{name}" for i, (name, part) in enumerate(zip(CLASSES, parts, strict=True))]
    (tmp_path / "root/metadata.csv").write_text("file_name,label\n" + "\n".join(rows))
    found.append(load_dataset(str(tmp_path / "root")))

    for part in ("train", "val", "test"):
        rows = [f"images/{i:02}.png,{name}" for i, name in enumerate(CLASSES) if parts[i] == part]
        (images / f"{part}_labels.csv").write_text("path,label\n" + "\n".join(rows))
    (images / "data.csv").unlink()
    found.append(load_dataset(str(images)))
    for dataset in found:
        right(dataset)
        assert {split: len(one) for split, one in dataset.splits.items()} == {"train": 18, "validation": 6, "test": 6}


def test_splits_of_other_names_are_said_and_can_be_named(images):
    parts = ["learn"] * 18 + ["exam"] * 6 + ["spare"] * 6
    rows = [f"images/{i:02}.png,{name},{part}" for i, (name, part) in enumerate(zip(CLASSES, parts, strict=True))]
    (images / "data.csv").write_text("path,label,split\n" + "\n".join(rows))
    with pytest.raises(InputError, match="found learn, exam, spare; name them with --splits"):
        load_dataset(str(images / "data.csv"))
    dataset = load_dataset(str(images / "data.csv"), splits={"train": "learn", "test": "exam"})
    right(dataset, 24)
    assert len(dataset.test) == 6
    assert any("left out the splits spare" in note for note in dataset.notes)
    for wrong in ({"train": "lern"}, {"learn": "learn"}, {"train": "learn", "test": "learn"}):
        with pytest.raises(InputError, match="split"):
            load_dataset(str(images / "data.csv"), splits=wrong)


def test_numbers_are_sorted_by_value_and_said(images):
    number = {"cat": 2, "dog": 9, "owl": 10}
    (images / "labels.csv").write_text(
        "path,label\n" + "".join(f"images/{i:02}.png,{number[name]}\n" for i, name in enumerate(CLASSES))
    )
    dataset = load_dataset(str(images))
    right(dataset, classes=("2", "9", "10"))
    assert any("the classes are 2, 9, 10, in this order" in note for note in dataset.notes)


def test_what_is_missing_and_what_is_not_named_is_counted_and_named(images):
    (images / "labels.csv").write_text(lines("path,label").replace("05.png", "99.png"))
    (images / "notes.md").write_text("x")
    dataset = load_dataset(str(images))
    right(dataset, 29)
    reasons = {file.name: file.reason for file in dataset.quarantined}
    assert reasons == {
        "images/99.png": "No such file or directory",
        "images/05.png": "no line in labels.csv",
        "notes.md": "no image by its name",
    }
    assert any(note.startswith("1 files that labels.csv names are missing, as images/99.png") for note in dataset.notes)
    assert any("1 files that are no images by their names (1 .md), as notes.md" in note for note in dataset.notes)
    assert dataset.describe()["notes"] == list(dataset.notes)
    text = lines("path,label")
    for i in range(10, 14):
        text = text.replace(f"{i}.png", f"7{i}.png")
    (images / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=r"4 of 30 images are bad, as images/71\d\.png: No such file"):
        load_dataset(str(images))


@pytest.mark.parametrize(
    "name", ["../out.png", "/etc/passwd", "images/../../out.png", "..\\out.png", "~/x.png/../../.."]
)
def test_no_line_leads_out_of_the_folder(images, name):
    Image.new("L", (6, 6), 77).save(images.parent / "out.png")
    text = lines("path,label").replace("images/05.png", name)
    for table in ("labels.csv", "metadata.csv"):
        (images / table).write_text(text)
        for spec in (images, images / table):
            with pytest.raises(InputError, match=rf"{table}, line 7, names the file .*outside of the data's folder"):
                load_dataset(str(spec))
        (images / table).unlink()


def test_an_absolute_path_within_the_folder_is_read(images):
    (images / "labels.csv").write_text(lines("path,label", place=f"{images}/images/"))
    right(load_dataset(str(images)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label\n", "has no lines"),
        ("", "has no lines"),
        ("a,b\nc,d\n", "names no column of files"),
        (lines("path,label") + "images/03.png\n", "line 32, has 1 cells where there are 2"),
        (lines("path,label") + ",cat\n", "names no file"),
        (lines("path,label") + "images/03.png,dog\n", "a second class, 'cat' and 'dog'"),
        (lines("path,path"), "two columns 'path'"),
        (lines("path,label,class", ",cat,"), "--label-column: label, class"),
        (lines("path,width,height", ",3,"), "--label-column: path, width, height"),
        ('path,label\n"images/00.png,cat\n', "cannot be read"),
        ("path,label\nimages/00.png," + "x" * 200_000 + "\n", "cannot be read: field larger"),
        (lines("path,label", place="nowhere/"), "none of the 30 files"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(images, text, says):
    (images / "data.csv").write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        load_dataset(str(images / "data.csv"))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "raw",
    [
        b"path,label\nimages/00.png,caf\xe9\n",
        "path,label\nimages/00.png,cat\n".encode("utf-16"),
        b"\x00" * 100,
        bytes(range(256)),
    ],
)
def test_bytes_that_are_no_text_are_one_line(images, raw):
    (images / "data.csv").write_bytes(raw)
    with pytest.raises(InputError, match=r"data\.csv"):
        load_dataset(str(images / "data.csv"))


@pytest.mark.parametrize(
    "line",
    ["[]", "5", "{", '{"file_name": 5}', '{"file_name": ["x"], "label": "a"}',
     '{"file_name": "images/00.png", "label": []}',
     '{"label": "a"}', "[" * 100_000, '{"file_name": "images/00.png", "label": 1.5}'],
)  # fmt: skip
def test_json_lines_that_are_none_are_one_line(images, line):
    good = '{"file_name": "images/01.png", "label": "cat"}\n'
    (images / "metadata.jsonl").write_text(good + line + "\n")
    with pytest.raises(InputError, match=r"metadata.jsonl|images/metadata|of one class|labels?"):
        load_dataset(str(images))


def test_a_table_that_is_no_table_of_these_images_leaves_the_folders_as_classes(tmp_path, class_folders):
    root = class_folders(tmp_path / "pets", n=10)
    (root / "labels.txt").write_text("cat\ndog\n")
    dataset = load_dataset(str(root))
    assert dataset.classes == ("cat", "dog")
    assert any(
        "classes are those of the folders, since labels.txt does not give them" in note for note in dataset.notes
    )


def test_two_tables_side_by_side_are_refused(images):
    for name in ("labels.csv", "annotations.csv"):
        (images / name).write_text(lines("path,label"))
    with pytest.raises(InputError, match="lie side by side: name one"):
        load_dataset(str(images))
    right(load_dataset(str(images / "labels.csv")))


def test_a_name_that_two_files_bear_is_refused(images):
    (images / "other").mkdir()
    shutil.copy(images / "images/00.png", images / "other/00.png")
    (images / "labels.csv").write_text(lines("path,label", place=""))
    with pytest.raises(InputError, match=r"names 00.png, which is images/00.png and other/00.png: give the path"):
        load_dataset(str(images))


def test_a_pipe_for_a_table_or_an_image_is_never_opened(images):
    os.mkfifo(images / "labels.csv")
    with pytest.raises(InputError, match="a pipe, not a file"):
        load_dataset(str(images))
    with pytest.raises(InputError, match="a pipe, not a file"):
        load_dataset(str(images / "labels.csv"))
    (images / "labels.csv").unlink()
    (images / "labels.csv").write_text(lines("path,label"))
    (images / "images/03.png").unlink()
    os.mkfifo(images / "images/03.png")
    dataset = load_dataset(str(images))
    right(dataset, 29)
    assert [(file.name, file.reason) for file in dataset.quarantined] == [("images/03.png", "a pipe, not a file")]


def test_named_columns_are_taken(images):
    rows = [f"{i},images/{i:02}.png,x,{name}" for i, name in enumerate(CLASSES)]
    (images / "data.csv").write_text("id,bild,label,klasse\n" + "\n".join(rows))
    right(load_dataset(str(images / "data.csv"), image_column="bild", label_column="klasse"))
    with pytest.raises(InputError, match="no column 'Bild': --image-column must be one of id, bild, label, klasse"):
        load_dataset(str(images / "data.csv"), image_column="Bild")


def test_the_cache_follows_the_table(images):
    (images / "labels.csv").write_text(lines("path,label"))
    first = load_dataset(str(images))
    assert load_dataset(str(images)).fingerprint == first.fingerprint
    (images / "labels.csv").write_text(lines("path,label").replace("owl", "emu"))
    assert load_dataset(str(images)).classes == ("cat", "dog", "emu")
    assert np.array_equal(first.train.pixels, first.train.pixels)
