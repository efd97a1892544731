"""Sentences on classes that are not equal."""

from __future__ import annotations

from ironglass.report.kit.words import count, interval, percent
from ironglass.results.evaluation import Naming
from ironglass.results.evaluation.by_class import ByClass


def classes_words(by_class: ByClass, naming: Naming) -> str:
    """Of uneven classes, the number to read, and the class that is worst off; "" where they are even."""
    if not by_class.uneven:
        return ""
    text = (
        f"The classes are uneven: {percent(naming.commonest_share, 0)} of the images are “{naming.commonest}”, so that "
        "the accuracy says most about that class. The balanced accuracy weighs every class alike: "
        f"{percent(by_class.balanced.value)} ({interval(by_class.balanced)}), where always naming one class gets "
        f"{percent(1 / by_class.classes)}."
    )
    rates = [(row.accuracy, row.class_) for row in by_class.accuracies if row.accuracy is not None]
    if rates:
        worst, name = min(rates, key=lambda pair: pair[0].value)
        right = round(worst.value * worst.n)
        text += f" Worst off is “{name}”: {count(right)} of {count(worst.n)} right ({interval(worst)})."
    return text
