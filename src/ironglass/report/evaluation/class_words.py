"""Sentences on classes that are not equal."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.kit.words import count, interval, percent, shorten
from ironglass.results.evaluation import Naming
from ironglass.results.evaluation.by_class import ByClass, Curve

NAMED = 6
"""Classes that are named, at most."""
FEWEST = 10
"""`measure.classes.areas.FEWEST`, which stands on this floor's other side."""


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


def balanced_words(by_class: ByClass | None) -> str:
    """Why the interval of the balanced accuracy is widened; "" where it is not."""
    if by_class is None or not by_class.balanced_widened:
        return ""
    return (
        "Too few images are right, or wrong, in classes of few images, for an interval of the balanced accuracy that "
        "holds 95 times in 100: it is widened, and holds more often."
    )


def widened_words(curves: Sequence[Curve]) -> str:
    """The areas whose interval is widened, and why; "" for none."""
    parts: list[str] = []
    for area, words in (("roc_auc", "AUC"), ("average_precision", "AP")):
        names = [shorten(curve.class_, 40) for curve in curves if area in curve.widened]
        if not names:
            continue
        listed = ", ".join(f"“{name}”" for name in names[:NAMED])
        if len(names) > NAMED:
            listed += f" and {count(len(names) - NAMED)} more"
        parts.append(f"{words} of {'every class' if len(names) == len(curves) > 1 else listed}")
    if not parts:
        return ""
    return (
        f"Too few positives for an interval that holds 95 times in 100: {'; '.join(parts)}. There are fewer than "
        f"{FEWEST} images of the class, or too few images in the wrong order. These intervals are widened to those of "
        "a coin for each image of the class, and hold more often."
    )
