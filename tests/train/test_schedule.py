"""Learning rates against values worked out by hand."""

import pytest

from ironglass.train.schedule import SCHEDULES, constant, exponential, one_cycle, plateau, step


def test_one_cycle_rises_for_a_fifth_and_falls_to_nought() -> None:
    assert one_cycle(0.0, [], 0.1) == pytest.approx(0.04)
    assert one_cycle(0.1, [], 0.1) == pytest.approx(0.52)  # half way up the cosine: 0.04 + 0.96 / 2
    assert one_cycle(0.2, [], 0.1) == pytest.approx(1.0)
    assert one_cycle(0.6, [], 0.1) == pytest.approx(0.5)
    assert one_cycle(1.0, [], 0.1) == pytest.approx(0.0)


def test_step_falls_at_half_and_at_three_quarters() -> None:
    assert [step(progress, [], 0.1) for progress in (0, 0.49, 0.5, 0.74, 0.75, 1)] == [1, 1, 0.1, 0.1, 0.01, 0.01]


def test_plateau_falls_after_three_epochs_without_a_better_loss() -> None:
    assert plateau(0.5, [3, 2, 2, 2], 0.1) == 1
    assert plateau(0.5, [3, 2, 2, 2, 2], 0.1) == pytest.approx(0.1)
    assert plateau(0.5, [3, 2, 2, 2, 2, 1, 2, 2], 0.1) == pytest.approx(0.1)
    assert plateau(0.5, [2, 2, 2, 2, 2, 2, 2], 0.1) == pytest.approx(0.01)


def test_exponential_falls_by_the_same_factor_everywhere() -> None:
    assert [exponential(progress, [], 0.01) for progress in (0, 0.5, 1)] == pytest.approx([1, 0.1, 0.01])


def test_constant_and_the_names() -> None:
    assert constant(0.3, [], 0.1) == 1
    assert set(SCHEDULES) == {"one-cycle", "step", "plateau", "constant", "exponential"}
