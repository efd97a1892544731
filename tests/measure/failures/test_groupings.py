"""Groupings by values and by fifths of numbers."""

import numpy as np
import pytest

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.failures.groupings import EMPTY, by_column, by_fifths, by_value, image_groupings


def test_values_are_sorted_and_empty_ones_are_named() -> None:
    grouping = by_value("domain", "column", ["b", "", "a", "b"])
    assert grouping.values == (EMPTY, "a", "b")
    assert grouping.codes.tolist() == [2, 0, 1, 2]


def test_fifths_hold_as_many_each_and_equal_numbers_together() -> None:
    grouping = by_fifths("age", "column", np.arange(100)[::-1])
    assert np.bincount(grouping.codes).tolist() == [20] * 5
    assert grouping.values == ("0 to 19", "20 to 39", "40 to 59", "60 to 79", "80 to 99")
    assert grouping.codes[0] == 4
    ties = by_fifths("age", "column", np.array([1.0] * 60 + [2.0] * 30 + [np.nan] * 10))
    assert ties.values == ("1", "2")
    assert ties.codes[-1] == -1
    assert by_fifths("age", "column", np.full(3, np.nan)).values == ()


def test_columns_of_many_numbers_are_cut_and_of_many_texts_refused() -> None:
    numbers = [f"{i / 7:.3f}" for i in range(500)]
    assert len(by_column("age", ["", *numbers]).values) == 5
    assert by_column("age", ["", *numbers]).codes[0] == -1
    with pytest.raises(InputError, match="the column 'file' has 500 distinct values in 500 images: name one of at"):
        by_column("file", [f"{i}.png" for i in range(500)])


def test_brightness_and_contrast_are_in_units_of_one() -> None:
    pixels = np.zeros((10, 4, 4, 3), np.uint8)
    pixels[5:] = 204
    pixels[:, :2] = 0
    brightness, contrast = image_groupings(Split(pixels, np.zeros(10, np.int64)))
    assert brightness.values == ("0", "0.4")
    assert contrast.values == ("0", "0.4")
    floats = image_groupings(Split(pixels.astype(np.float32) / 255, np.zeros(10, np.int64)))
    assert floats[0].values == brightness.values
