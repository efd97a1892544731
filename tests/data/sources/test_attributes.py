"""Further columns of tables go with the images, through cut, quarantine, subset and shuffle; wrong ones are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from ironglass.data import load_dataset
from ironglass.data.dataset import Dataset, Split
from ironglass.data.leave_out import list_text
from ironglass.errors import InputError

DOMAINS = ("photo", "sketch", "")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 images of three classes, with the domain and the grey of each in the table."""
    folder = tmp_path_factory.mktemp("images")
    lines = ["file,label,domain,grey"]
    for i in range(90):
        Image.new("L", (4, 4), i).save(folder / f"{i:02}.png")
        lines.append(f"{i:02}.png,{'abc'[i % 3]},{DOMAINS[i // 3 % 3]},{i / 2}")
    path = folder / "labels.csv"
    path.write_text("\n".join(lines))
    return path


def check(dataset: Dataset) -> int:
    """Compares the domain of every image with the one that its pixels, all of value i, stand for."""
    count = 0
    for split in dataset.splits.values():
        values = split.pixels[:, 0, 0, 0].tolist()
        assert split.attributes["domain"] == tuple(DOMAINS[i // 3 % 3] for i in values)
        count += len(split)
    return count


def test_columns_of_a_table_follow_the_images(table: Path, tmp_path: Path) -> None:
    assert check(load_dataset(table, attributes=("domain",))) == 90
    assert check(load_dataset(table.parent, attributes=("domain", "domain"))) == 90
    left_out = tmp_path / "list.txt"
    left_out.write_text(list_text([("07.png", "odd", True)]))
    fewer = load_dataset(table, attributes=("domain", "grey"), classes=("c", "b"), leave_out=left_out)
    assert check(fewer) == 59
    test = fewer.test.take(slice(2, 5))
    assert test.attributes["grey"] == fewer.test.attributes["grey"][2:5]
    assert [float(text) * 2 for text in test.attributes["grey"]] == test.pixels[:, 0, 0, 0].tolist()
    plain = load_dataset(table)
    assert plain.test.attributes == {}
    assert "further columns of the table: domain, grey; --slice-by searches the named ones" in "\n".join(plain.notes)
    assert plain.fingerprint == load_dataset(table, attributes=("grey",)).fingerprint, "decoded once for both"


def parquet_files(folder: Path, names: tuple[str, ...] | None) -> Path:
    folder.mkdir()
    features = {"label": {"_type": "ClassLabel", "names": ["a", "b", "c"]}}
    if names:
        features["domain"] = {"_type": "ClassLabel", "names": list(names)}
    for split, part in (("train", range(60)), ("test", range(60, 90))):
        columns: dict[str, Any] = {"image": [], "label": [i % 3 for i in part]}
        columns["domain"] = [None if i // 3 % 3 == 2 else i // 3 % 3 if names else DOMAINS[i // 3 % 3] for i in part]
        columns["size"] = [{"w": 1}] * len(part)
        for i in part:
            path = folder.parent / "one.png"
            Image.new("L", (4, 4), i).save(path)
            columns["image"].append({"bytes": path.read_bytes()})
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(pa.table(columns).replace_schema_metadata(metadata), folder / f"{split}-0.parquet")
    return folder


@pytest.mark.parametrize("names", [("photo", "sketch"), None])
def test_columns_of_parquet_files_follow_the_images(tmp_path: Path, names: tuple[str, ...] | None) -> None:
    folder = parquet_files(tmp_path / "data", names)
    assert check(load_dataset(folder, attributes=("domain",))) == 90
    with pytest.raises(InputError, match=r"no column 'size': there are domain$"):
        load_dataset(folder, attributes=("size",))


def test_columns_through_hugging_faces_own_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    from ironglass.data.source import ColumnRequest
    from ironglass.data.sources.attributes import with_attributes
    from ironglass.data.sources.hub import hub

    folder = parquet_files(tmp_path / "data", ("photo", "sketch"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    listings = hub(str(folder), ColumnRequest(attributes=("domain",))).listings()
    assert listings["train"].columns == ("domain",)
    assert check(with_attributes(load_dataset(folder), listings, ("domain",))) == 90


def test_columns_that_are_not_there_are_refused_with_those_that_are(table: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'Domain' \(did you mean domain\?\): there are domain, grey$"):
        load_dataset(table, attributes=("Domain",))
    with pytest.raises(InputError, match="digits has no column 'domain': there is none beside images, classes"):
        load_dataset("digits", attributes=("domain",))
    with pytest.raises(InputError, match="attributes is 'domain': give a list of names"):
        load_dataset(table, attributes="domain")


def test_two_values_of_one_image_are_refused(tmp_path: Path) -> None:
    for i in range(12):
        Image.new("L", (4, 4), i).save(tmp_path / f"{i}.png")
    lines = [f"{i}.png,{'ab'[i % 2]},day" for i in range(12)]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(["file,label,time", *lines, "3.png,b,night"]))
    assert load_dataset(path).classes == ("a", "b")
    with pytest.raises(InputError, match=r"gives 3\.png a second value in the column 'time', 'day' and 'night'"):
        load_dataset(path, attributes=("time",))


def test_attributes_have_one_text_an_image() -> None:
    with pytest.raises(InputError, match="attribute 'domain' has 2 texts and there are 3 images"):
        Split(np.zeros((3, 2, 2, 1), np.uint8), np.zeros(3, np.int64), attributes={"domain": ("a", "b")})
