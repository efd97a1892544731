import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.data import load_dataset
from ironglass.data.images import load_images
from ironglass.errors import InputError


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch, request):
    if "shared_data" not in request.fixturenames:
        monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "decoded").iterdir())


def test_a_folder_becomes_pixels_labels_and_names(tmp_path, class_folders):
    path = class_folders(tmp_path / "pets", n=20)
    calls = []
    dataset = load_dataset(f"folder:{path}", progress=lambda done, of: calls.append((done, of)))
    assert dataset.name == "pets"
    digests = {name: split.digest for name, split in dataset.splits.items()}
    assert dataset.describe()["splits"] == {
        "train": {"images": 28, "per_class": [14, 14], "pixels": digests["train"]},
        "validation": {"images": 4, "per_class": [2, 2], "pixels": digests["validation"]},
        "test": {"images": 8, "per_class": [4, 4], "pixels": digests["test"]},
    }
    for split in dataset.splits.values():
        for pixels, label, name in zip(split.pixels, split.labels, split.names, strict=True):
            assert name == f"{dataset.classes[label]}/{pixels[0, 0, 0] - 100 * label:03}.png"
    assert calls[-1] == (40, 40)


def test_a_bare_path_is_found_out(tmp_path, class_folders, table):
    class_folders(tmp_path / "pets", n=5)
    table(tmp_path / "tables" / "train.parquet", [0, 1] * 5)
    archive = tmp_path / "zipped.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (tmp_path / "pets").rglob("*.png"):
            file.write(path, path.relative_to(tmp_path))
    for spec in (tmp_path / "pets", tmp_path / "tables", tmp_path / "tables/train.parquet", archive):
        dataset = load_dataset(str(spec))
        assert sum(len(split) for split in dataset.splits.values()) == 10
        assert dataset.name == spec.stem
    assert load_dataset(f"hf:{tmp_path / 'tables'}").fingerprint == load_dataset(str(tmp_path / "tables")).fingerprint
    for spec in (archive, f"folder:{archive}"):
        assert load_dataset(str(spec)).classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nothing", r"'nothing' is neither .* give digits, hf:ID, folder:PATH, tiny-imagenet:PATH, torchvision:NAME"),
        ("ftp:x", "neither a data set nor a path"),
        ("hf:", "neither a data set nor a path"),
        ("hf:/not/here", "neither a data set nor a path"),
        ("folder:/not/here", "/not/here does not exist"),
        ("tiny-imagenet:/not/here.zip", "does not exist"),
        (f"folder:{__file__}", "is a file, neither a folder nor an archive"),
        (__file__, "is a file, neither a folder nor an archive"),
    ],
)
def test_an_unknown_spec_lists_the_forms(spec, message):
    with pytest.raises(InputError, match=message):
        load_dataset(spec)


def test_options_out_of_range_are_refused():
    with pytest.raises(InputError, match="size is 0"):
        load_dataset("digits", size=0)
    with pytest.raises(InputError, match="channels is 2"):
        load_dataset("digits", channels=2)


def test_grey_stays_grey_until_one_image_is_coloured(tmp_path, class_folders, png):
    path = class_folders(tmp_path / "pets", n=20, mode="L")
    grey = load_dataset(str(path))
    assert grey.channels == 1
    assert load_dataset(str(path), channels=3).channels == 3
    (path / "dog" / "019.png").write_bytes(png(119))
    mixed = load_dataset(str(path))
    assert mixed.channels == 3
    for split in mixed.splits:
        for a, b, name in zip(grey[split].pixels, mixed[split].pixels, grey[split].names, strict=True):
            if name != "dog/019.png":
                np.testing.assert_array_equal(np.broadcast_to(a, b.shape), b)


def test_different_sizes_need_one(tmp_path, class_folders, png):
    path = class_folders(tmp_path / "pets", n=5)
    (path / "cat" / "000.png").write_bytes(png(0, size=(9, 7)))
    with pytest.raises(InputError, match=r"9 × 7.*--size|--size"):
        load_dataset(str(path))
    assert load_dataset(str(path), size=8).size == (8, 8)
    assert entries(tmp_path)[0].name == load_dataset(str(path), size=8).fingerprint


def test_bad_files_are_set_aside_up_to_five_in_a_hundred(tmp_path, class_folders):
    path = class_folders(tmp_path / "pets", n=50)
    for i in range(5):
        (path / "cat" / f"{i:03}.png").write_text("text")
    dataset = load_dataset(str(path))
    assert sorted(file.name for file in dataset.quarantined) == [f"cat/{i:03}.png" for i in range(5)]
    assert {file.reason for file in dataset.quarantined} == {"not an image"}
    assert sum(len(split) for split in dataset.splits.values()) == 95
    for split in dataset.splits.values():
        assert not {file.name for file in dataset.quarantined} & set(split.names)
        for pixels, label, name in zip(split.pixels, split.labels, split.names, strict=True):
            assert name == f"{dataset.classes[label]}/{pixels[0, 0, 0] - 100 * label:03}.png"
    assert load_dataset(str(path)).quarantined == dataset.quarantined
    (path / "cat" / "005.png").write_text("text")
    with pytest.raises(InputError, match=r"6 of 100 images are bad, as cat/00\d.png: not an image"):
        load_dataset(str(path))
    assert len(entries(tmp_path)) == 1


def test_a_class_that_loses_all_its_images_is_refused(tmp_path, class_folders):
    path = class_folders(tmp_path / "train", ("a", "b"), n=60).parent
    class_folders(tmp_path / "train", ("c",), n=1)
    class_folders(tmp_path / "validation", n=2, classes=("a", "b"))
    class_folders(tmp_path / "test", n=2, classes=("a", "b"))
    (path / "train" / "c" / "000.png").write_text("text")
    with pytest.raises(InputError, match=r"the class 'c' has no image left in train: .*train/c/000.png: not an image"):
        load_dataset(f"folder:{path}")


def test_rows_without_a_label_are_set_aside(tmp_path, table):
    dataset = load_dataset(str(table(tmp_path / "train.parquet", [0, 1] * 15 + [None], ["a", "b"])))
    assert [(file.name, file.reason) for file in dataset.quarantined] == [("train/30", "no label")]
    assert sum(len(split) for split in dataset.splits.values()) == 30


def test_splits_that_differ_in_the_order_of_classes_are_matched(tmp_path, table):
    table(tmp_path / "data/train-0.parquet", [0, 1] * 5, ["a", "b"])
    table(tmp_path / "data/test-0.parquet", [0, 0, 1], ["b", "a"])
    test = load_dataset(str(tmp_path / "data")).test
    assert dict(zip(test.names, test.labels.tolist(), strict=True)) == {"test/0": 1, "test/1": 1, "test/2": 0}
    table(tmp_path / "data/test-0.parquet", [0, 0, 1], ["b", "z"])
    with pytest.raises(InputError, match="test has the class 'z'"):
        load_dataset(str(tmp_path / "data"))


def test_the_cache_is_used_until_something_changes(tmp_path, class_folders, png):
    path = class_folders(tmp_path / "pets", n=10)

    def load(**options):
        calls = []
        found = load_dataset(str(path), progress=lambda *args: calls.append(args), **options)
        return found, bool(calls)

    first, decoded = load()
    assert decoded
    assert isinstance(first.train.pixels, np.memmap)
    again, decoded = load()
    assert not decoded
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(again.train.pixels, first.train.pixels)
    prints = {first.fingerprint}
    for options in ({"size": 4}, {"channels": 1}, {"seed": 1}):
        found, decoded = load(**options)
        assert decoded
        prints.add(found.fingerprint)
    assert len(prints) == 4
    (path / "cat" / "000.png").write_bytes(png(33))
    changed, decoded = load()
    assert decoded
    assert changed.fingerprint not in prints


def test_the_digest_of_a_split_is_that_of_its_pixels(tmp_path, class_folders, png):
    one, other = class_folders(tmp_path / "one", n=10), class_folders(tmp_path / "other", n=10)
    first, same = load_dataset(str(one)), load_dataset(str(other))
    digests = [split.digest for split in first.splits.values()]
    assert digests == [split.digest for split in same.splits.values()]
    assert digests == [split["pixels"] for split in first.describe()["splits"].values()]
    assert len({*digests, ""}) == len(digests) + 1
    (other / "cat" / "000.png").write_bytes(png(33))
    changed = [split.digest for split in load_dataset(str(other)).splits.values()]
    assert sum(one != other for one, other in zip(digests, changed, strict=True)) == 1
    assert first.test.take(slice(2)).digest == ""


def test_a_damaged_cache_is_rebuilt(tmp_path, class_folders):
    path = class_folders(tmp_path / "pets", n=10)
    before = load_dataset(str(path))
    expected = np.array(before.train.pixels)
    (entry,) = entries(tmp_path)
    (entry / "train.npy").write_bytes((entry / "train.npy").read_bytes()[:-10])
    np.testing.assert_array_equal(load_dataset(str(path)).train.pixels, expected)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, class_folders, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match="IRONGLASS_CACHE"):
        load_dataset(str(class_folders(tmp_path / "pets", n=10)))


def test_an_interruption_leaves_no_entry(tmp_path, class_folders):
    path = class_folders(tmp_path / "pets", n=60)

    def interrupt(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_dataset(str(path), progress=interrupt)
    assert entries(tmp_path) == []
    assert len(load_dataset(str(path)).train) == 84


def test_photographs_load_at_once_the_second_time_and_without_datasets(shared_data):
    spec = str(shared_data / "cats_vs_dogs")
    dataset = load_dataset(spec, size=64)
    assert {split: len(one) for split, one in dataset.splits.items()} == {
        "train": 6000,
        "validation": 1000,
        "test": 1000,
    }
    assert dataset.classes == ("cat", "dog")
    assert np.bincount(dataset.test.labels).tolist() == [500, 500]
    assert dataset.size == (64, 64)
    assert not dataset.quarantined
    start = time.perf_counter()
    load_dataset(spec, size=64)
    assert time.perf_counter() - start < 1
    code = (
        "import sys; from ironglass.data import load_dataset; load_dataset(sys.argv[1], size=64);"
        "sys.exit(any(name in sys.modules for name in ('datasets', 'sklearn', 'torchvision')))"
    )
    assert subprocess.run([sys.executable, "-c", code, spec], env=os.environ, check=False).returncode == 0


def test_real_samples_have_a_test_split_only(shared_data):
    dataset = load_dataset(f"hf:{shared_data}/imagenet_samples", size=32)
    assert list(dataset.splits) == ["test"]
    assert len(dataset.test) == 100
    assert len(dataset.classes) == 1000
    with pytest.raises(InputError, match="has no split 'train': it has test"):
        _ = dataset.train


def test_images_to_predict_on(tmp_path, class_folders):
    path = class_folders(tmp_path / "pets", n=2)
    (path / "cat" / "broken.jpg").write_text("text")
    Image.new("L", (30, 20), 7).save(tmp_path / "one.tif")
    found = load_images([tmp_path / "one.tif", path], size=(6, 4), channels=3)
    pixels, names, quarantined = found.pixels, found.names, found.left_out
    assert pixels.shape == (5, 6, 4, 3)
    assert names == [str(tmp_path / "one.tif"), *(str(path / f"{c}/00{i}.png") for c in ("cat", "dog") for i in (0, 1))]
    assert pixels[0, 0, 0].tolist() == [7, 7, 7]
    assert pixels[1:, 0, 0, 0].tolist() == [0, 1, 100, 101]
    assert [(file.name, file.split, file.reason) for file in quarantined] == [
        (str(path / "cat/broken.jpg"), "predict", "not an image")
    ]


def test_no_images_to_predict_on_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no images in .* looked for .jpg"):
        load_images([tmp_path], size=(4, 4), channels=3)
    with pytest.raises(InputError, match="does not exist"):
        load_images([tmp_path / "absent.png"], size=(4, 4), channels=3)


def test_an_archive_whose_files_in_the_cache_were_cleaned_away_is_unpacked_anew(tmp_path, class_folders):
    class_folders(tmp_path / "pets", n=5)
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "pets"))
    assert sum(map(len, load_dataset(str(archive)).splits.values())) == 10
    (unpacked,) = (tmp_path / "cache" / "unpacked").iterdir()
    (unpacked / "cat" / "003.png").unlink()
    assert sum(map(len, load_dataset(str(archive), size=4).splits.values())) == 10
    (unpacked / "dog" / "003.png").write_bytes(b"x")
    assert load_dataset(str(archive), size=5).quarantined == ()


@pytest.mark.parametrize("splits", [["train"], {"train": 5}, {5: "train"}, "train=a", {"fit": "train"}])
def test_splits_that_are_no_names_are_refused(tmp_path, class_folders, splits):
    with pytest.raises(InputError, match="split"):
        load_dataset(str(class_folders(tmp_path / "pets", n=5)), splits=splits)
    with pytest.raises(InputError, match="split"):
        load_dataset("digits", splits=splits)
