"""Corrupted images under several networks, in one table."""

import numpy as np
import pytest

from ironglass.measure.corruption import corruption_numbers
from ironglass.report.comparison.corruptions import corruption_rows
from ironglass.results.codec import from_dict
from ironglass.results.evaluation import Corruptions


def numbers(**right: list[int]) -> Corruptions:
    """Of 10 images 9 are right unchanged, and so many at each severity."""
    flags = {name: np.stack([np.arange(10) < n for n in counts]) for name, counts in right.items()}
    found = {"split": "test", **corruption_numbers(np.arange(10) < 9, flags, size=(64, 64), seed=0)}
    return from_dict(Corruptions, found, file="")


def test_several_runs_in_one_table() -> None:
    measured, other = numbers(fog=[8, 6, 4, 2, 0], jpeg=[9, 9, 9, 8, 8]), numbers(fog=[9] * 5, jpeg=[9] * 5)
    rows = corruption_rows({"plain": measured, "robust": other})
    assert [row.label for row in rows] == ["unchanged images", "Fog", "JPEG", "mean of all corruptions"]
    means = [mean.value for row in rows if (mean := row.means["plain"])]
    assert means == pytest.approx([0.9, 0.4, 0.86, 0.63])
    last = rows[1].last["plain"]
    assert last is not None
    assert last.value == 0
    assert rows[3].last == {"plain": None, "robust": None}
    fewer = corruption_rows({"plain": measured, "robust": numbers(fog=[9] * 5)})
    assert [row.label for row in fewer] == ["unchanged images", "Fog", "JPEG"]
    assert fewer[2].means["robust"] is None
