"""Sentences on accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.kit.words import count, decimal, percent
from ironglass.results.evaluation import Evaluation


def commonest_confusion(confusion: Sequence[Sequence[int]]) -> tuple[int, int, int] | None:
    """The most frequent mistake as (true class, predicted class, times), or None where there is none."""
    pairs = [(n, i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) if i != j and n > 0]
    if not pairs:
        return None
    n, i, j = max(pairs, key=lambda pair: (pair[0], -pair[1], -pair[2]))
    return i, j, n


def accuracy_words(evaluation: Evaluation, classes: Sequence[str]) -> str:
    """Accuracy, that of always naming the commonest class, and the most frequent mistake."""
    rate, confusion = evaluation.accuracy, evaluation.confusion
    right = round(rate.value * rate.n)
    text = f"Of {count(rate.n)} {evaluation.split} images it names {count(right)} right"
    if total := sum(map(sum, confusion)):
        text += f"; always naming the commonest class would get {percent(max(map(sum, confusion)) / total, 0)}"
    text += "."
    if worst := commonest_confusion(confusion):
        true, predicted, n = worst
        times = "once" if n == 1 else f"{count(n)} times"
        text += f" Its most frequent mistake is to call “{classes[true]}” “{classes[predicted]}”, {times}."
    return text


def calibration_words(evaluation: Evaluation) -> str:
    """A sentence on confidence against accuracy; "" where that was not measured."""
    calibration = evaluation.calibration
    if calibration is None:
        return ""
    ece, brier, plain = calibration.ece, calibration.brier, calibration.binned_gap
    error = "binned gap, in which chance has a part," if plain is None else "expected calibration error"
    text = (
        f"It is {percent(calibration.confidence.value)} sure on average and right for "
        f"{percent(evaluation.accuracy.value)}: its {error} is {decimal(ece.value, 3)} (95\u202f% "
        f"interval {decimal(ece.low, 3)} to {decimal(ece.high, 3)}, {calibration.bins} bins)"
    )
    if plain is not None:
        text += f", without what chance adds to the plain gap of {decimal(plain, 3)}"
    if brier:
        text += f"; its Brier score is {decimal(brier.value, 3)} ({decimal(brier.low, 3)} to {decimal(brier.high, 3)})"
    return text + "."
