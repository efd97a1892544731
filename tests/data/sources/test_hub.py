from fnmatch import fnmatch
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest

from ironglass.data.source import ColumnRequest
from ironglass.data.sources.hub import hub
from ironglass.data.sources.parquet import parquet
from ironglass.errors import InputError

datasets = pytest.importorskip("datasets")
from datasets.packaged_modules.imagefolder.imagefolder import ImageFolder  # noqa: E402


@pytest.fixture(autouse=True)
def own_datasets_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("datasets"))


def test_the_library_and_our_own_reader_agree(tmp_path, table):
    table(tmp_path / "train-00000-of-00001.parquet", [0, 1, -1] * 50, ["cat", "dog"], label="labels")
    table(tmp_path / "test-00000-of-00001.parquet", [1, 0], ["cat", "dog"], label="labels")
    theirs, ours = hub(str(tmp_path)).listings(), parquet(tmp_path).listings()
    assert list(theirs) == list(ours) == ["train", "test"]
    for split in theirs:
        assert theirs[split].names == ours[split].names
        assert theirs[split].classes == ours[split].classes == ("cat", "dog")
        np.testing.assert_array_equal(theirs[split].labels, ours[split].labels)
    rows = np.array([0, 5, 64, 149])
    assert list(theirs["train"].read(rows)) == list(ours["train"].read(rows))


def test_a_wrong_column_lists_what_there_is(tmp_path, table):
    table(tmp_path / "train.parquet", [0, 1])
    with pytest.raises(InputError, match="--label-column must be one of image, label"):
        hub(str(tmp_path), ColumnRequest(label_column="kind")).listings()


def test_what_the_hub_does_not_have_is_one_line(monkeypatch):
    def load_dataset_builder(path, revision):
        assert (path, revision) == ("someone/something", "v1")
        raise datasets.exceptions.DatasetNotFoundError("it is not\nthere")

    monkeypatch.setattr(datasets, "load_dataset_builder", load_dataset_builder)
    with pytest.raises(InputError, match=r"cannot load 'someone/something@v1' from the Hugging Face Hub: it is not$"):
        hub("someone/something@v1").listings()


@pytest.mark.parametrize("odd", ["train", "test tube", "val"])
def test_a_class_called_as_a_split_takes_no_other_away(tmp_path, class_folders, odd):
    root = class_folders(tmp_path / "vehicles", ("bus", "car", odd), n=4)
    (listing,) = hub(str(root)).listings().values()
    assert listing.classes == tuple(sorted(("bus", "car", odd)))
    assert np.bincount(listing.labels).tolist() == [4, 4, 4]


def test_splits_of_image_folders_are_splits(tmp_path, class_folders):
    for split in ("train", "test"):
        class_folders(tmp_path / "pets" / split, n=4)
    found = hub(str(tmp_path / "pets")).listings()
    assert {split: one.classes for split, one in found.items()} == {"train": ("cat", "dog"), "test": ("cat", "dog")}


def test_what_the_card_says_of_splits_is_believed(tmp_path, class_folders):
    for split in ("learn", "exam"):
        class_folders(tmp_path / "pets" / split, n=4)
    card = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: learn/**\n"
    (tmp_path / "pets/README.md").write_text(card + "  - split: test\n    path: exam/**\n---\n")
    found = hub(str(tmp_path / "pets")).listings()
    assert {split: len(one) for split, one in found.items()} == {"train": 8, "test": 8}
    assert found["train"].classes == ("cat", "dog")
    assert all(Path(one).is_file() for one in found["test"].read(np.arange(8)) if not isinstance(one, bytes))


def test_image_files_of_the_hub_are_fetched_by_name(tmp_path, class_folders, monkeypatch):
    root = class_folders(tmp_path / "snapshot", ("bus", "test [tube]"), n=4)
    (root / "script.py").write_text("raise SystemExit")
    asked = []

    class Api:
        def list_repo_files(self, path, *, repo_type, revision):
            assert (path, repo_type, revision) == ("some/vehicles", "dataset", "v1")
            return [file.relative_to(root).as_posix() for file in root.rglob("*.*")]

    def snapshot(path, *, repo_type, revision, allow_patterns):
        asked.extend(allow_patterns)
        return str(root)

    monkeypatch.setattr(datasets, "load_dataset_builder", lambda *args, **options: object.__new__(ImageFolder))
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    (listing,) = hub("some/vehicles@v1").listings().values()
    assert listing.classes == ("bus", "test [tube]")
    assert not any(fnmatch("script.py", pattern) for pattern in asked)
    assert all(any(fnmatch(name, pattern) for pattern in asked) for name in listing.names)
