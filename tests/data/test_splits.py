import numpy as np
import pytest

from ironglass.data.source import Listing
from ironglass.data.splits import canonical, complete, same_classes
from ironglass.errors import InputError


def listing(labels, classes=("a", "b")) -> Listing:
    labels = np.asarray(labels, dtype=np.int64)
    return Listing([str(i) for i in range(len(labels))], labels, tuple(classes), lambda rows: iter(rows.tolist()))


def names(listings) -> dict[str, set[str]]:
    return {split: set(one.names) for split, one in listings.items()}


def test_train_alone_is_cut_70_10_20_by_class():
    found = complete({"train": listing([0] * 100 + [1] * 50)}, seed=0)
    assert list(found) == ["train", "validation", "test"]
    counts = {split: np.bincount(one.labels).tolist() for split, one in found.items()}
    assert counts == {"train": [70, 35], "validation": [10, 5], "test": [20, 10]}
    train, validation, test = names(found).values()
    assert len(train | validation | test) == 150


def test_what_is_cut_reads_its_own_images():
    for one in complete({"train": listing([0, 1] * 30)}, seed=3).values():
        assert [str(image) for image in one.read(np.arange(len(one)))] == one.names
        assert one.labels.tolist() == [int(name) % 2 for name in one.names]


def test_the_same_seed_cuts_alike_and_another_does_not():
    def cut(seed):
        return names(complete({"train": listing([0, 1] * 50)}, seed))

    assert cut(0) == cut(0)
    assert cut(0) != cut(1)


def test_only_what_is_missing_is_cut():
    train, other = listing([0, 1] * 100), listing([0, 1] * 5)
    found = complete({"train": train, "test": other}, 0)
    assert {split: len(one) for split, one in found.items()} == {"train": 180, "validation": 20, "test": 10}
    found = complete({"train": train, "validation": other}, 0)
    assert {split: len(one) for split, one in found.items()} == {"train": 180, "validation": 20, "test": 10}
    assert found["test"] is other
    assert list(complete({"test": other}, 0)) == ["test"]
    three = complete({"train": train, "validation": other, "test": other}, 0)
    assert [len(one) for one in three.values()] == [200, 10, 10]


def test_small_classes_keep_an_image_in_train():
    found = complete({"train": listing([0, 0, 0, 1])}, 0)
    assert {split: sorted(one.labels.tolist()) for split, one in found.items()} == {
        "train": [0, 1],
        "validation": [0],
        "test": [0],
    }
    with pytest.raises(InputError, match="too few images"):
        complete({"train": listing([0, 1])}, 0)


def test_splits_are_known_by_any_of_their_names():
    assert canonical(["val", "TRAIN", "extra"]) == {"train": "TRAIN", "validation": "val"}
    assert canonical(["dev", "testing"]) == {"validation": "dev", "test": "testing"}
    assert canonical(["everything"]) == {"train": "everything"}
    with pytest.raises(InputError, match="both mean validation"):
        canonical(["val", "dev"])
    with pytest.raises(InputError, match="found one, two"):
        canonical(["one", "two"])


def test_classes_are_matched_by_name():
    found = same_classes({"train": listing([0, 1], "ab"), "test": listing([0, 1, -1], "ba")})
    assert found["test"].labels.tolist() == [1, 0, -1]
    assert found["test"].classes == ("a", "b")


def test_a_class_that_only_a_later_split_has_is_refused():
    with pytest.raises(InputError, match="test has the class 'z'"):
        same_classes({"train": listing([0, 1]), "test": listing([2], "abz")})
    # a name that no image bears does no harm
    same_classes({"train": listing([0, 1]), "test": listing([0], "abz")})


def test_unlabelled_splits_are_dropped():
    assert list(same_classes({"train": listing([0, 1]), "test": listing([-1, -1])})) == ["train"]
    with pytest.raises(InputError, match="no image has a label"):
        same_classes({"train": listing([-1])})


def test_one_class_is_refused():
    with pytest.raises(InputError, match="every image is of one class, 'b'"):
        same_classes({"train": listing([1, 1])})


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(InputError, match="same name"):
        same_classes({"train": listing([0, 1], ("crane", "crane"))})
