"""Sentences on probabilities."""

from __future__ import annotations

from ironglass.report.kit.words import count, decimal, eps_text, interval, percent
from ironglass.results.evaluation.confidence import ConditionRow, Confidence, Sets
from ironglass.results.numbers import Mean

WIDENED = ", too few for 95 times in 100: widened to hold more often"
"""What is said beside an interval that is widened."""
DOUBTFUL = 0.05
"""Probability below which a coverage is too low for chance."""


def confidence_words(confidence: Confidence) -> str:
    """The corrected calibration error, and the risk of the answers that are given."""
    ece, risk = confidence.ece, confidence.selective.risk
    text = (
        f"Without what chance adds, its expected calibration error is {decimal(ece.value, 3)} "
        f"({decimal(ece.low, 3)} to {decimal(ece.high, 3)}, n = {count(ece.n)}): "
    )
    text += (
        "no sign that its confidences are off. "
        if ece.low <= 0.0005
        else "by so much its confidences lie beside how often it is right. "
    )
    return text + (
        f"If it answers only the {percent(confidence.selective.coverage, 0)} of the images that it is surest of, "
        f"{percent(risk.value)} of those answers are wrong ({interval(risk)}{WIDENED * confidence.selective.widened})."
    )


def sets_words(sets: Sets) -> str:
    """The promise of the sets, and whether the measured images keep it."""
    if sets.least_share == 0:
        return (
            f"{count(sets.calibrated)} validation images are too few to promise {percent(sets.level, 0)}: every set "
            "holds every class."
        )
    outcome = (
        f"that few would have a probability of {sets.p:.3f} if the promise held: it is broken here"
        if sets.p < DOUBTFUL
        else "fewer than promised, though no fewer than the chance in so few validation images may bring about"
        if sets.coverage.high < sets.level
        else "the promise is kept, as far as these images can tell"
    )
    return (
        f"The sets hold every class of a probability of at least {percent(sets.least_share)}, chosen on "
        f"{count(sets.calibrated)} validation images so that {percent(sets.level, 0)} of new images have their true "
        f"class in their set. Of the measured images {percent(sets.coverage.value)} have "
        f"({interval(sets.coverage)}{WIDENED * sets.widened}): {outcome}. "
        f"{_size_words(sets.size)}; {percent(sets.empty.value)} are empty."
    )


def _size_words(size: Mean) -> str:
    if is_fixed(size):
        classes = f"{decimal(size.value, 0)} class{'es' if round(size.value) != 1 else ''}"
        return f"Every one of the {count(size.n)} sets has {classes}, so that nothing says how the size would vary"
    return f"A set has {decimal(size.value)} classes on average ({decimal(size.low)} to {decimal(size.high)})"


def is_fixed(size: Mean) -> bool:
    """True where all sets have one size: an interval of its mean by their spread would have no length."""
    return size.n > 1 and size.low == size.high


def change_words(row: ConditionRow) -> str:
    """A condition's name with its strength."""
    if row.severity is not None:
        return f"{row.label}, severity {row.severity}"
    return row.label if row.eps is None else f"{row.label}, eps {eps_text(row.eps, row.norm or 'linf')}"


def is_broken(row: ConditionRow, level: float | None) -> bool:
    """True where the sets of changed images hold the true class surely more seldom than was promised of unchanged ones.

    Of unchanged images `sets_words` speaks, which knows how far the chance in the validation images reaches.
    """
    if row.eps is None and row.severity is None:
        return False
    return level is not None and row.coverage is not None and row.coverage.high < level
