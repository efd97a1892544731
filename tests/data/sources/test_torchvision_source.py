import struct

import numpy as np
import pytest

from ironglass.data import load_dataset
from ironglass.data.cache.store import cache_folder
from ironglass.errors import InputError


def test_a_data_set_that_is_there_is_read(monkeypatch, tmp_path):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path))
    raw = cache_folder() / "torchvision" / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for stem, n in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (n, 28, 28), np.uint8)
        labels = np.arange(n, dtype=np.uint8) % 10
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 0x803, n, 28, 28) + images.tobytes())
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, n) + labels.tobytes())
    dataset = load_dataset("torchvision:KMNIST")
    assert dataset.classes[:2] == ("o", "ki")
    assert {split: len(one) for split, one in dataset.splits.items()} == {"train": 50, "validation": 10, "test": 20}
    order = [int(name.rpartition("/")[2]) for name in dataset.test.names]
    np.testing.assert_array_equal(dataset.test.pixels[..., 0], images[order])
    np.testing.assert_array_equal(dataset.test.labels, labels[order])


def test_without_download_nothing_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path))
    for name in ("CIFAR10", "SVHN", "STL10", "FashionMNIST"):
        with pytest.raises(InputError, match="add --download"):
            load_dataset(f"torchvision:{name}")


@pytest.mark.parametrize(("name", "message"), [("Nope", "no data set 'Nope'"), ("Caltech101", "has no splits")])
def test_what_has_no_splits_is_refused(name, message):
    with pytest.raises(InputError, match=message):
        load_dataset(f"torchvision:{name}")


@pytest.mark.parametrize("split", ["train", "t10k"])
@pytest.mark.parametrize("damage", ["images cut", "labels cut", "labels many", "magic", "empty"])
def test_spoilt_files_are_one_line_and_no_split_is_passed_over(monkeypatch, tmp_path, split, damage):
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path))
    raw = cache_folder() / "torchvision" / "KMNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in ("train", "t10k"):
        images = struct.pack(">4I", 0x803, 20, 28, 28) + bytes(20 * 784)
        labels = struct.pack(">2I", 0x801, 20) + bytes(range(10)) * 2
        if stem == split:
            images = {"images cut": images[:-9], "magic": b"\0\0\x99\x09" + images[4:], "empty": b""}.get(
                damage, images
            )
            labels = {"labels cut": labels[:-3], "labels many": labels[:4] + b"\xff" + labels[5:]}.get(damage, labels)
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(images)
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(labels)
    with pytest.raises(InputError, match="torchvision's KMNIST"):
        load_dataset("torchvision:KMNIST")
