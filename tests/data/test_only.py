"""Some of a data set's classes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ironglass.data import load_dataset
from ironglass.data.dataset import Dataset, Split
from ironglass.data.only import only_classes
from ironglass.errors import InputError


def split(labels: list[int]) -> Split:
    """Images that are filled with their own position."""
    n = len(labels)
    pixels = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 2, 2, 1))
    return Split(np.ascontiguousarray(pixels), np.array(labels), tuple(f"image {i}" for i in range(n)))


DATASET = Dataset("pets", {"train": split([0, 1, 2, 0, 2]), "test": split([2, 1, 0])}, ("dog", "guide_dog", "cat"), "f")


def test_the_images_follow_their_classes_in_the_order_given() -> None:
    found = only_classes(DATASET, ("cat", "dog"))
    assert found.classes == ("cat", "dog")
    assert found.train.labels.tolist() == [1, 0, 1, 0]
    assert found.train.pixels[:, 0, 0, 0].tolist() == [0, 2, 3, 4]
    assert found.train.names == ("image 0", "image 2", "image 3", "image 4")
    assert found.test.labels.tolist() == [0, 1]
    assert isinstance(found.train.pixels, np.memmap)  # data larger than memory stay where they are
    assert DATASET.train.labels.tolist() == [0, 1, 2, 0, 2]


def test_another_choice_or_order_is_another_data_set() -> None:
    choices = (("cat", "dog"), ("dog", "cat"), ("dog", "guide dog"))
    prints = {only_classes(DATASET, choice).fingerprint for choice in choices}
    assert len(prints | {DATASET.fingerprint}) == 4
    assert only_classes(DATASET, ["dog", "guide_dog"]).fingerprint in prints  # the same by another spelling


def test_a_split_without_such_images_is_left_out() -> None:
    some = replace(DATASET, splits={**DATASET.splits, "validation": split([1, 1])})
    assert list(only_classes(some, ("cat", "dog")).splits) == ["train", "test"]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("cat", "cow"), "no class 'cow': there are dog, guide_dog, cat"),
        (("cat",), "two classes or more"),
        ((), "two classes or more"),
        (("cat", "dog", "cat"), "each once"),
        (("guide dog", "guide_dog"), "each once"),
    ],
)
def test_what_cannot_be_kept_is_refused(classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        only_classes(DATASET, classes)
    assert "\n" not in str(error.value)


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(InputError, match="no image of the class 'unicorn' in train"):
        only_classes(replace(DATASET, classes=("dog", "guide_dog", "cat", "unicorn")), ("dog", "unicorn"))
    many = replace(DATASET, classes=tuple(f"c{i}" for i in range(200)))
    with pytest.raises(InputError, match=r"c19, … \(200 in all\)$"):
        only_classes(many, ("dog", "cat"))


def test_nothing_is_decoded_again(tmp_path: Path, class_folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path / "cache"))
    path = class_folders(tmp_path / "pets", ("ant", "bee", "cat"), n=10)
    load_dataset(f"folder:{path}")
    calls: list[int] = []
    found = load_dataset(f"folder:{path}", classes=("cat", "bee"), progress=lambda done, of: calls.append(done))
    assert calls == []
    for one in found.splits.values():
        for pixels, label, name in zip(one.pixels, one.labels, one.names, strict=True):
            kind, file = name.split("/")
            assert kind == ("cat", "bee")[label]
            assert pixels[0, 0, 0] == 100 * (2 - label) + int(file[:3])
