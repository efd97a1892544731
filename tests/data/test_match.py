"""Classes are matched by name."""

import numpy as np
import pytest

from ironglass.data.dataset import Dataset, Split
from ironglass.data.match import match_classes
from ironglass.errors import InputError

SPLIT = Split(np.zeros((3, 1, 1, 1), dtype=np.uint8), np.array([0, 1, 1]), ("x", "y", "z"))
DATASET = Dataset("pets", {"test": SPLIT}, ("dog", "cat"), "pets-1")


def test_labels_follow_their_names() -> None:
    matched = match_classes(DATASET, ("ant", "cat", "dog"))
    assert matched.test.labels.tolist() == [2, 1, 1]
    assert matched.classes == ("ant", "cat", "dog")
    assert DATASET.test.labels.tolist() == [0, 1, 1]
    assert match_classes(DATASET, ["dog", "cat"]) is DATASET


def test_a_class_that_the_model_lacks_is_named() -> None:
    with pytest.raises(InputError, match="lacks 'dog'"):
        match_classes(DATASET, ("cat", "ant"))
