"""Sentences on accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.kit.words import count, percent
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
