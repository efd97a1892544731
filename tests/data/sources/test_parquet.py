import io
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ironglass.data.source import ColumnRequest
from ironglass.data.sources.parquet import find_parquet, parquet
from ironglass.errors import InputError


def test_rows_keep_their_image_and_label(tmp_path, table, png):
    table(tmp_path / "train-00000-of-00002.parquet", [0, 1, 0], ["cat", "dog"])
    table(tmp_path / "train-00001-of-00002.parquet", [1, 1], ["cat", "dog"], images=[png(90), png(91)])
    table(tmp_path / "validation-00000-of-00001.parquet", [1, 0], ["cat", "dog"])
    found = parquet(tmp_path).listings()
    assert list(found) == ["train", "validation"]
    assert found["train"].labels.tolist() == [0, 1, 0, 1, 1]
    assert found["train"].classes == ("cat", "dog")
    assert found["train"].names == [f"train/{i}" for i in range(5)]
    assert list(found["train"].read(np.array([0, 2, 4]))) == [png(0), png(2), png(91)]


def test_reading_over_several_batches(tmp_path, table, png):
    file = table(tmp_path / "x.parquet", [i % 2 for i in range(200)])
    (listing,) = parquet(file).listings().values()
    rows = np.array([0, 63, 64, 127, 128, 199])
    assert list(listing.read(rows)) == [png(i) for i in rows]
    assert list(listing.read(np.array([], np.int64))) == []


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00001.parquet", "val-00000-of-00001.parquet"),
        ("data/train-00000-of-00001.parquet", "data/dev-00000-of-00001.parquet"),
        ("train/0000.parquet", "validation/0000.parquet"),
        ("data/train/a.parquet", "data/valid/a.parquet"),
        ("plain/train-00000-of-00001.parquet", "plain/validation-00000-of-00001.parquet"),
        ("my_set-train.parquet", "my_set-validation.parquet"),
    ],
)
def test_every_layout_is_found(tmp_path, table, names):
    for name in names:
        table(tmp_path / name, [0, 1])
    assert list(parquet(tmp_path).listings()) == ["train", "validation"]


def test_several_data_sets_in_one_folder_are_refused(tmp_path, table):
    for name in ("a", "b"):
        table(tmp_path / name / "train.parquet", [0, 1])
    with pytest.raises(InputError, match="holds several data sets: name one of a, b"):
        find_parquet(tmp_path)


def test_what_is_not_parquet_is_refused(tmp_path, table):
    (tmp_path / "train.parquet").write_text("not Parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet") as caught:
        parquet(tmp_path).listings()
    assert "\n" not in str(caught.value)


def test_a_file_that_breaks_off_is_refused(tmp_path, table, png):
    file = table(tmp_path / "train.parquet", [0, 1] * 50, images=[png(i, size=(30, 30)) for i in range(100)])
    raw = bytearray(file.read_bytes())
    column = pq.ParquetFile(file).metadata.row_group(0).column(0)
    raw[column.data_page_offset : column.data_page_offset + 40] = bytes(40)
    listing = parquet(file).listings()["train"]
    file.write_bytes(raw)
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(listing.read(np.arange(100)))


def test_shards_of_different_types_are_refused(tmp_path, table):
    table(tmp_path / "train-0.parquet", [0, 1])
    table(tmp_path / "train-1.parquet", ["a", "b"])
    with pytest.raises(InputError, match="different types"):
        parquet(tmp_path).listings()


def shades(listing) -> dict[str, set[int]]:
    """The red values of each class's images."""
    images = [Image.open(io.BytesIO(one)) for one in listing.read(np.arange(len(listing)))]
    found: dict[str, set[int]] = {}
    for image, label in zip(images, listing.labels.tolist(), strict=True):
        found.setdefault(listing.classes[label], set()).add(image.getpixel((0, 0))[0])
    return found


SHADE = {"cat": 10, "dog": 100, "owl": 200}


@pytest.mark.parametrize(
    "lists",
    [
        [["cat", "dog", "owl"], ["owl", "dog", "cat"]],
        [["cat", "dog"], ["owl", "cat", "dog"]],
        [["owl", "cat", "dog"], ["cat", "dog"]],
        [["cat", "dog"], ["dog", "owl"], ["owl", "cat"]],
    ],
)
@pytest.mark.parametrize("kind", [pa.int64(), pa.uint8(), pa.string()])
def test_shards_are_matched_by_class_name(tmp_path, table, png, lists, kind):
    for i, names in enumerate(lists):
        labels = [k for k in range(len(names)) for _ in range(3)]
        values = [names[k] for k in labels] if kind == pa.string() else labels
        images = [png(SHADE[names[k]]) for k in labels]
        table(tmp_path / f"train-{i}.parquet", values, names, images=images, kind=kind)
    listing = parquet(tmp_path).listings()["train"]
    assert shades(listing) == {name: {value} for name, value in SHADE.items()}
    assert listing.notes == ("the Parquet files of train list their classes differently: they were matched by name",)


def test_shards_of_which_one_has_no_names_are_refused(tmp_path, table):
    table(tmp_path / "train-0.parquet", [0, 1], ["cat", "dog"])
    table(tmp_path / "train-1.parquet", [0, 1])
    with pytest.raises(InputError, match=r"has class names and train-1\.parquet has none"):
        parquet(tmp_path).listings()


@pytest.mark.parametrize("other", [{"image": "img"}, {"label": "class"}])
def test_shards_of_other_columns_are_refused(tmp_path, table, other):
    table(tmp_path / "train-0.parquet", [0, 1])
    table(tmp_path / "train-1.parquet", [0, 1], **other)
    with pytest.raises(InputError, match=r"train-1\.parquet does not go with train-0\.parquet"):
        parquet(tmp_path).listings()


@pytest.mark.parametrize(
    "features", [None, 5, "x", [], [1], {"label": 5}, {"label": [1]}, {"image": None, "label": {}}]
)
def test_features_of_another_form_are_passed_over(tmp_path, table, features):
    file = table(tmp_path / "train.parquet", [0, 1])
    about = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(pq.read_table(file).replace_schema_metadata(about), file)
    listing = parquet(file).listings()["train"]
    assert listing.classes == ("0", "1")
    assert listing.notes == ("labels are numbers without names: the classes are 0, 1, in this order",)


@pytest.mark.parametrize("about", [b"{", b"[" * 100_000, b"\xff", b"null", b"5", b'{"info": 5}', b'{"info": {}}'])
def test_metadata_that_is_no_json_is_passed_over(tmp_path, table, about):
    file = table(tmp_path / "train.parquet", [0, 1])
    pq.write_table(pq.read_table(file).replace_schema_metadata({b"huggingface": about}), file)
    assert parquet(file).listings()["train"].classes == ("0", "1")


def test_files_put_aside_are_read_below_the_folder_only(tmp_path, table, png):
    inner = tmp_path / "data"
    file = table(inner / "train.parquet", [0, 1])
    (tmp_path / "secret.png").write_bytes(png(3))
    (inner / "own.png").write_bytes(png(7))

    def write(paths):
        kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
        cells = pa.array([{"bytes": None, "path": path} for path in paths], kind)
        pq.write_table(pa.table({"image": cells, "label": [0, 1]}), file)
        return list(parquet(inner).listings()["train"].read(np.arange(2)))

    assert write(["own.png", str(inner / "own.png")]) == [inner / "own.png"] * 2
    for path in ("../secret.png", str(tmp_path / "secret.png"), "/etc/passwd"):
        with pytest.raises(InputError, match="outside of the data's folder"):
            write(["own.png", path])
    with pytest.raises(InputError, match="name the folder as the data"):
        list(parquet(file).listings()["train"].read(np.arange(2)))


def test_splits_of_other_names_are_said_and_can_be_named(tmp_path, table):
    for name in ("train", "test", "holdout"):
        table(tmp_path / f"{name}-0.parquet", [0, 1])
    found = parquet(tmp_path).listings()
    assert list(found) == ["train", "test"]
    assert any("left out the splits holdout-0.parquet" in note for note in found["train"].notes)
    found = parquet(tmp_path, ColumnRequest(splits={"train": "train", "test": "holdout-0.parquet"})).listings()
    assert list(found) == ["train", "test"]
    for name in ("train", "holdout"):
        table(tmp_path / "deep" / name / "0.parquet", [0, 1])
    found = parquet(tmp_path / "deep", ColumnRequest(splits={"train": "train", "test": "holdout"})).listings()
    assert list(found) == ["train", "test"]


def test_files_without_any_split_are_one_data_set_and_said(tmp_path, table):
    for i in range(3):
        table(tmp_path / f"part-{i}.parquet", [0, 1])
    listing = parquet(tmp_path).listings()["train"]
    assert len(listing) == 6
    assert any("tell no splits: taken for one data set" in note for note in listing.notes)


def test_a_pipe_is_never_opened(tmp_path, table):
    table(tmp_path / "train-0.parquet", [0, 1])
    os.mkfifo(tmp_path / "train-1.parquet")
    with pytest.raises(InputError, match=r"train-1\.parquet: a pipe, not a file"):
        parquet(tmp_path).listings()
