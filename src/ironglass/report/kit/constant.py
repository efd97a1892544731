"""Networks that answer without regard to the image, or do no better than if they did: said before anything else."""

from __future__ import annotations

from ironglass.report.kit.words import count, interval, percent
from ironglass.results.evaluation import Evaluation, Naming
from ironglass.results.evaluation.by_class import ByClass
from ironglass.results.numbers import Mean

CONSTANT = 0.9
"""Share of images from which a class is named too often for the images to matter, if that leaves another name to fewer
than half of the images that are of others."""
GUESSING = 0.001
"""Probability that chance gives as many right answers, from which a network is not told from one that guesses."""
CHANCE = 0.05
"""The same, below which it is no longer said to have learned nothing: only that the images are too few to build on."""


def is_constant(naming: Naming, classes: ByClass | None = None) -> bool:
    """True for a network that names one class whatever the image shows, or nearly; of uneven classes only where what is
    left is no better than chance."""
    if classes is not None and classes.uneven and not _guesses(classes):
        return False
    others_named, others = 1 - naming.named_share, 1 - naming.named_true_share
    return naming.named_share >= CONSTANT and others_named < others / 2


def answers_blindly(evaluation: Evaluation | None) -> bool:
    """True for a network whose answers show no regard for the image, so that maps of it explain nothing."""
    if evaluation is None:
        return False
    return is_constant(evaluation.naming, evaluation.by_class) or _guesses(evaluation.by_class)


def _guesses(classes: ByClass | None) -> bool:
    return classes is not None and classes.classes > 1 and classes.chance_p >= GUESSING


def constant_words(rate: Mean, naming: Naming, who: str = "It", classes: ByClass | None = None) -> str:
    """A sentence on a network that answers without regard to the image; "" for one that does better.

    rate: its accuracy. naming: the class that it names most often. who: what the sentence is about, "After hardening
    it". classes: its numbers by class; None where they were not measured.
    """
    common, share = naming.commonest, naming.commonest_share
    if is_constant(naming, classes):
        nearly = "" if naming.named_share == 1 else "nearly "
        named, true = percent(naming.named_share), percent(naming.named_true_share)
        return (
            f"{who} names one class, “{naming.named}”, for {named} of the images, {nearly}whatever they show: "
            f"{true} of them are of it. Its other numbers are those of such an answer: that changes of the image leave "
            "it as it is, is no robustness, and its maps explain nothing."
        )
    if classes is not None and _guesses(classes):
        return _guessing_words(rate, naming, classes, who)
    apart = _knowing_words(classes)
    if rate.value <= share:
        return (
            f"{who} is no better than always naming the commonest class, “{common}”: that would get {percent(share)} "
            f"right, and it gets {percent(rate.value)}.{apart}"
        )
    if rate.low <= share if classes is None else classes.over_commonest.low <= 0:
        return (
            f"{who} may be no better than always naming the commonest class, “{common}”, which would get "
            f"{percent(share)} right: it gets {percent(rate.value)} of {rate.n} images, too close to tell.{apart}"
        )
    return ""


def _guessing_words(rate: Mean, naming: Naming, classes: ByClass, who: str) -> str:
    likely = f"{classes.chance_p:.2f}" if classes.chance_p >= 0.01 else f"{classes.chance_p:.3f}"
    images, by_guessing = count(rate.n), classes.chance_p >= CHANCE
    opening = f"has learned nothing that {images} images can show"
    opening = opening if by_guessing else f"is hardly told from chance by {images} images"
    after = (
        "Its maps and its numbers under attack explain nothing."
        if by_guessing
        else "Measure it on more images before you build on its maps or its numbers under attack."
    )
    return (
        f"{who} {opening}: it gets {percent(rate.value)} right "
        f"({interval(rate)}), the same answers dealt to the images by chance would get {percent(classes.by_chance)} "
        f"(probability of as many right: {likely}), and always naming the commonest class, “{naming.commonest}”, "
        f"{percent(naming.commonest_share)}. {after}"
    )


def _knowing_words(classes: ByClass | None) -> str:
    """That a network with no better accuracy than the commonest class has still learned something."""
    if classes is None or classes.classes < 2:
        return ""
    return (
        f" It does tell the classes apart: its balanced accuracy is {percent(classes.balanced.value)} "
        f"({interval(classes.balanced)}), and that of such an answer {percent(1 / classes.classes)}."
    )
