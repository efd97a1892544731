"""Sentences on the checks of a run's data, and on what leaked images do to its accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.kit.words import balance_words, count, decimal, interval, listed, percent
from ironglass.results.inspection import DuplicateGroup, Effect
from ironglass.results.inspection.checks import DataChecks
from ironglass.results.sections import Results

IN_NOTES = ("have the very pixels of images of", "have the pixels of one of another class")
"""Words of the notes that reading the data leaves of images of the same pixels."""


def other_notes(notes: Sequence[str], checks: DataChecks | None) -> list[str]:
    """The notes of `data.json` but for those that the checks say better."""
    return [note for note in notes if checks is None or not any(words in note for words in IN_NOTES)]


def check_words(results: Results) -> list[str]:
    """Findings of the checks, a sentence each; [] where nothing was checked."""
    checks = results.data_checks
    if checks is None:
        return []
    total = sum(row.images for row in checks.splits)
    sentences = [text for text in (leak_words(checks, results.leak_effect), *_others(checks)) if text]
    if not checks.groups:
        sentences = [f"No two of the {count(total)} images have the same pixels, at the size that the network reads."]
    return [*sentences, *filter(None, [balance_words(checks.splits)])]


def leak_words(checks: DataChecks, effect: Effect | None) -> str:
    """Images of the measured split that stand in training, too, and the accuracy without them; "" where there are
    none."""
    if not checks.leaked:
        return ""
    images = next(row.images for row in checks.splits if row.name == checks.split)
    verb = "stands" if checks.leaked == 1 else "stand"
    text = f"Of {count(images)} {checks.split} images, {count(checks.leaked)} also {verb} in training"
    if effect is None:
        return f"{text}: what is learnt by heart there counts as right here."
    value, low, high = (decimal(100 * x, 2) for x in (effect.difference.value, effect.difference.low,
                                                      effect.difference.high))  # fmt: skip
    return (
        f"{text}: accuracy without them is {percent(effect.without.value)} ({interval(effect.without)}, "
        f"n = {count(effect.without.n)}) in place of {percent(effect.all.value)}, a difference of {value} points "
        f"({low} to {high}) on the same predictions."
    )


def _others(checks: DataChecks) -> list[str]:
    """The other findings."""
    total = count(sum(row.images for row in checks.splits))
    kinds = {
        "have the pixels of an image of another split": checks.across,
        "have the pixels of an image under another label, so that one of the labels is wrong": checks.two_labels,
        "have the pixels of another image of their split": checks.within,
    }
    parts = [f"{count(images)} {words}" for words, images in kinds.items() if images]
    return [f"Of all {total} images, {'; '.join(parts)}."] if parts else []


def group_words(group: DuplicateGroup) -> str:
    """The images of one group: their files, splits and classes."""
    return listed([f"{image.name} ({image.split}, {image.class_})" for image in group.images])


def check_lines(results: Results) -> list[str]:
    """One line for the terminal where images of the same pixels were found."""
    checks = results.data_checks
    if checks is None or not checks.groups:
        return []
    return ["data: " + " ".join([text for text in (leak_words(checks, results.leak_effect), *_others(checks)) if text])]
