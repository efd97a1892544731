"""Which epoch is the best."""

from typing import Any

from ironglass.train.loop.epoch_end import mark_best


def row(epoch: int, accuracy: float | None, merit: float = 0.0, alarm: bool = False, doubt: bool = False) -> dict:
    return {
        "epoch": epoch, "validation_accuracy": accuracy, "validation_loss": 1.0, "merit": merit, "alarm": alarm,
        "in_doubt": doubt,
    }  # fmt: skip


def best(rows: list[dict[str, Any]], key: str = "best", *, watched: bool = False) -> list[int]:
    return [found["epoch"] for found in mark_best(rows, watched=watched) if found.get(key)]


def test_clean_best_is_the_first_of_equals_and_never_in_doubt() -> None:
    rows = [row(1, 0.5), row(2, 0.9), row(3, 0.9), row(4, 0.95, doubt=True)]
    assert best(rows) == [2]
    assert best(rows[3:]) == [4], "something must be kept"
    assert best([row(1, None), row(2, None), row(3, None, doubt=True)]) == [2]
    assert best(rows, "clean_best") == []


def test_a_watch_has_its_own_best_and_none_with_an_alarm() -> None:
    rows = [row(1, 0.5, 0.2), row(2, 0.7, 0.4), row(3, 0.9, 0.3), row(4, 0.8, 0.6, alarm=True)]
    assert best(rows, watched=True) == [2]
    assert best(rows, "clean_best", watched=True) == [3]
    assert best([*rows[:2], row(3, 0.8, 0.4)], watched=True) == [3], "of equal merit, the cleaner"
    assert best(rows[3:], watched=True) == [4]


def test_old_marks_are_not_carried_on() -> None:
    rows = mark_best([row(1, 0.5)], watched=False)
    assert [r["best"] for r in mark_best([*rows, row(2, 0.6)], watched=False)] == [False, True]
