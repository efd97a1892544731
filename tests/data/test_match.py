"""Classes are matched by name."""

from dataclasses import replace

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


def test_spelling_of_gaps_does_not_matter_and_case_does() -> None:
    spoken = replace(DATASET, classes=("guide_dog", "cat"))
    assert match_classes(spoken, ("cat", "guide dog")).test.labels.tolist() == [1, 0, 0]
    with pytest.raises(InputError, match="lacks 'guide_dog'"):
        match_classes(spoken, ("cat", "Guide dog"))
    with pytest.raises(InputError, match="lacks 'guide_dog'"):  # which of the two would it be?
        match_classes(spoken, ("cat", "guide dog", "guide-dog"))
    with pytest.raises(InputError, match="two classes"):
        match_classes(replace(DATASET, classes=("guide_dog", "guide-dog")), ("cat", "guide dog"))


def test_classes_without_images_need_no_match() -> None:
    more = replace(DATASET, classes=("dog", "cat", "unicorn"))
    assert match_classes(more, ("cat", "dog")).test.labels.tolist() == [1, 0, 0]
