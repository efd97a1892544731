"""Scores of out-of-distribution detection, by hand."""

import numpy as np
import pytest

from ironglass.measure.inspection.outlying import log_max_probability, log_sum, nearness, neighbour_number


def test_scores_of_logits_by_hand() -> None:
    logits = np.array([[1000.0, 0.0], [0.0, 0.0]])
    assert log_sum(logits) == pytest.approx([1000, np.log(2)])
    assert log_max_probability(logits) == pytest.approx([0, -np.log(2)])
    close = np.array([[40.0, 0.0], [50.0, 0.0]])  # both probabilities are 1 but for rounding
    assert np.diff(log_max_probability(close.astype(np.float64)))[0] >= 0


def test_the_neighbour_that_counts() -> None:
    assert [neighbour_number(n) for n in (1, 99, 250, 5000, 50_000)] == [1, 1, 2, 50, 50]
    references = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    found = nearness(np.array([[5.0, 0.0], [-1.0, 0.0]]), references)
    assert found == pytest.approx([0, -np.sqrt(2)])  # of length 1, whatever the features' own
    many = np.tile(references, (100, 1))
    assert nearness(np.array([[5.0, 0.0]]), many)[0] == pytest.approx(0)  # the third of a hundred equal ones
