"""Sentences on accuracy, against the numbers that they must follow from."""

from ironglass.report.evaluation.words import commonest_confusion


def test_commonest_confusion_is_off_the_diagonal() -> None:
    assert commonest_confusion([[90, 3, 1], [5, 80, 0], [2, 5, 70]]) == (1, 0, 5)
    assert commonest_confusion([[9, 0], [0, 9]]) is None
