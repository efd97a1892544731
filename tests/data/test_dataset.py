from dataclasses import replace

import numpy as np
import pytest
import torch

from ironglass.data.dataset import Dataset, Quarantined, Split
from ironglass.errors import InputError


@pytest.fixture
def split() -> Split:
    pixels = np.arange(4 * 2 * 3 * 3, dtype=np.uint8).reshape(4, 2, 3, 3)
    return Split(pixels, np.array([0, 1, 1, 2]), ("a", "b", "c", "d"))


def test_a_batch_is_bytes_in_channels_last_memory_of_its_own(split):
    pixels, labels = split.batch(np.array([2, 0]))
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (2, 3, 2, 3)
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(pixels.permute(0, 2, 3, 1), split.pixels[[2, 0]])
    assert labels.tolist() == [1, 0]
    part, _ = split.batch(slice(0, 4))
    part.zero_()
    assert split.pixels.any()


def test_items_are_floats_in_0_1(split):
    images, labels = split[1]
    assert images.shape == (1, 3, 2, 3)
    torch.testing.assert_close(images[0, :, 0, 0] * 255, torch.tensor([18.0, 19.0, 20.0]))
    assert labels.tolist() == [1]
    assert len(list(split)) == 4
    assert split[:3][1].tolist() == [0, 1, 1]


def test_a_smaller_split_keeps_its_names(split):
    smaller = split.take(np.array([3, 1]))
    assert smaller.names == ("d", "b")
    assert smaller.labels.tolist() == [2, 1]
    np.testing.assert_array_equal(smaller.pixels, split.pixels[[3, 1]])


def test_what_data_json_records(split):
    dataset = Dataset("mine", {"test": split}, ("x", "y", "z", "w"), "f00", (Quarantined("e", "test", "empty"),))
    dataset = replace(dataset, notes=("as taken for",))
    assert dataset.describe() == {
        "name": "mine",
        "fingerprint": "f00",
        "contents": "",
        "size": [2, 3],
        "channels": 3,
        "classes": ["x", "y", "z", "w"],
        "splits": {"test": {"images": 4, "per_class": [1, 2, 1, 0]}},
        "quarantined": [{"name": "e", "split": "test", "reason": "empty"}],
        "notes": ["as taken for"],
        "reading": {},
    }
    with pytest.raises(InputError, match="mine has no split 'train': it has test"):
        _ = dataset.train
