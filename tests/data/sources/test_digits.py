import numpy as np

from ironglass.data import load_dataset


def test_digits_as_they_come_and_as_they_are_shown():
    small = load_dataset("digits", size=8)
    assert {split: len(one) for split, one in small.splits.items()} == {"train": 1259, "validation": 179, "test": 359}
    assert small.classes == tuple("0123456789")
    assert small.channels == 1
    names = [name for split in small.splits.values() for name in split.names]
    assert sorted(names) == sorted(f"digits/{i}" for i in range(1797))
    first = next(split for split in small.splits.values() if "digits/0" in split.names)
    i = first.names.index("digits/0")
    assert first.labels[i] == 0
    # the first row of the first digit, 0 to 16: 0 0 5 13 9 1 0 0
    np.testing.assert_array_equal(first.pixels[i, 0, :, 0], [0, 0, 80, 207, 143, 16, 0, 0])
    assert load_dataset("digits").size == (32, 32)
