import numpy as np
import pytest

from ironglass.data.hub import hub
from ironglass.data.parquet import parquet
from ironglass.errors import InputError

datasets = pytest.importorskip("datasets")


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
        hub(str(tmp_path), label_column="kind").listings()


def test_what_the_hub_does_not_have_is_one_line(monkeypatch):
    def load_dataset(path, revision):
        assert (path, revision) == ("someone/something", "v1")
        raise datasets.exceptions.DatasetNotFoundError("it is not\nthere")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(InputError, match=r"cannot load 'someone/something@v1' from the Hugging Face Hub: it is not$"):
        hub("someone/something@v1").listings()
