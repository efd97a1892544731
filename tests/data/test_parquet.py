import numpy as np
import pyarrow.parquet as pq
import pytest

from ironglass.data.parquet import find_parquet, parquet
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
