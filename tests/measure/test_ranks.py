"""Ranks, against scipy's."""

import numpy as np
import pytest
from scipy.stats import rankdata

from ironglass.measure.ranks import mean_ranks


@pytest.mark.parametrize("shape", [(1,), (50,), (3, 40), (2, 3, 7)])
def test_ranks_are_scipy_s_bit_for_bit_ties_included(shape: tuple[int, ...]) -> None:
    draws = np.random.default_rng(0)
    for values in (draws.normal(size=shape), draws.integers(0, 5, shape), np.zeros(shape)):
        assert np.array_equal(mean_ranks(values), rankdata(values, axis=-1))


def test_a_row_with_a_nan_has_no_ranks() -> None:
    values = np.array([[3.0, np.nan, 1.0], [3.0, 2.0, 2.0]])
    assert np.array_equal(mean_ranks(values), rankdata(values, axis=-1), equal_nan=True)
    assert mean_ranks(values)[1].tolist() == [3.0, 1.5, 1.5]
