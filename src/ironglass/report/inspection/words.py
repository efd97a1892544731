"""Sentences on the faults of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ironglass.report.kit.words import balance_words, count, decimal, interval, listed, percent
from ironglass.results.inspection import (
    DuplicateGroup,
    Effect,
    Inspection,
    LabelErrors,
    NearDuplicates,
    NearPair,
    Outliers,
)
from ironglass.results.inspection.against import OutOfDistribution

FAULT_WORDS = {
    "blank": "blank: one colour throughout",
    "dark": "dark",
    "bright": "bright: nearly white",
    "blurred": "blurred",
    "odd shape": "of an odd shape",
    "small": "small beside the others",
}


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    name: a few words.
    images: images concerned.
    detail: of how many groups or pairs, or where it lies.
    serious: whether it makes a reported number wrong.
    """

    name: str
    images: int
    detail: str = ""
    serious: bool = False


def findings(inspection: Inspection) -> list[Finding]:
    """Every kind of fault that was searched for, those without images too."""
    groups = inspection.duplicates
    rows = [
        _groups("same pixels in two splits", [one for one in groups if one.across], serious=True),
        _groups("same pixels within a split", [one for one in groups if not one.across]),
        _groups("same pixels under two labels", [one for one in groups if one.labels_differ], serious=True),
    ]
    return rows + searched_findings(inspection.near_duplicates, inspection.outliers, inspection.label_errors)


def searched_findings(
    near: NearDuplicates | None, outliers: Sequence[Outliers], errors: LabelErrors | None
) -> list[Finding]:
    """Every kind of fault beside equal pixels that was searched for, those without images too."""
    rows: list[Finding] = []
    if near:
        certain = [one for one in near.pairs if one.certain]
        rows += [
            _pairs("near-duplicates in two splits", [one for one in certain if one.across], serious=True),
            _pairs("near-duplicates within a split", [one for one in certain if not one.across]),
            _pairs("near-duplicates under two labels", [one for one in certain if one.labels_differ], serious=True),
            _pairs("likely near-duplicates", [one for one in near.pairs if not one.certain]),
        ]
    rows += [Finding(FAULT_WORDS[fault.fault], len(fault.images)) for fault in outliers]
    if errors:
        further = f"and {count(len(errors.worth_a_look))} worth a look" if errors.worth_a_look else ""
        rows.append(Finding("labels that may be wrong", len(errors.suspects), further))
    return rows


def _groups(name: str, groups: list[DuplicateGroup], *, serious: bool = False) -> Finding:
    images = sum(len(group.images) for group in groups)
    return Finding(name, images, _counted(len(groups), "group"), serious)


def _pairs(name: str, pairs: list[NearPair], *, serious: bool = False) -> Finding:
    refs = {(ref.split, ref.name) for pair in pairs for ref in (pair.first, pair.second)}
    return Finding(name, len(refs), _counted(len(pairs), "pair"), serious)


def _counted(number: int, word: str) -> str:
    return f"{count(number)} {word}{'s' if number != 1 else ''}" if number else ""


def inspection_words(inspection: Inspection) -> list[str]:
    """The outcome in sentences: what was searched, leaks, contradictory labels, balance, the effect on the model."""
    total = sum(split.images for split in inspection.inventory.splits)
    rows = findings(inspection)
    serious = [row for row in rows if row.serious and row.images]
    others = [row for row in rows if not row.serious and row.images]
    text = f"{count(total)} images of {inspection.data} were read"
    if inspection.inventory.unread:
        unread = inspection.inventory.unread
        text += f"; {count(unread)} file{'s were' if unread != 1 else ' was'} not, for want of a label or of an image"
    sentences = [f"{text}."]
    if serious:
        counted = "; ".join(f"{row.name}: {count(row.images)} images" for row in serious)
        sentences.append(f"Numbers that this data set gives are in doubt: {counted}.")
    if others:
        sentences.append(f"To look at: {'; '.join(f'{row.name}: {count(row.images)}' for row in others)}.")
    if not serious and not others:
        sentences.append("Nothing of what was searched for was found.")
    skipped = {"near-duplicates": inspection.near_duplicates, "labels that may be wrong": inspection.label_errors}
    if missing := [name for name, part in skipped.items() if part is None]:
        sentences.append(f"Not searched for: {', '.join(missing)}.")
    if balance := balance_words(inspection.inventory.splits):
        sentences.append(balance)
    sentences += map(effect_words, inspection.effects)
    return [*sentences, against_words(inspection.against)] if inspection.against else sentences


def look_words(errors: LabelErrors) -> str:
    """The number of labels worth a look beside the suspects, and the worth of both lists by the trial."""
    text = (
        f"{count(len(errors.worth_a_look))} further labels, the least probable first, up to as many in all as "
        "confident learning counts."
    )
    if errors.caught_with_look is None or errors.flips_with_look is None:
        return text
    return (
        f"{text} Most of them are right: of the labels flipped on purpose, this list and the one above together held "
        f"{percent(errors.caught_with_look.value)} ({interval(errors.caught_with_look)}), and of all in them "
        f"{percent(errors.flips_with_look.value)} ({interval(errors.flips_with_look)}) were flipped."
    )


def against_words(against: OutOfDistribution) -> str:
    """The area by which each score tells the data's images from others, in a sentence."""
    text = (
        f"The model tells the {count(against.images)} {against.split} images from {count(against.other_images)} of "
        f"{against.other} ({against.other_split}), by the area below the ROC curve of each score: "
        f"{score_words(against)}; 0.5 tells nothing, 1 all."
    )
    if turned := turned_words(against):
        text += f" {turned}"
    if any(score.widened for score in against.scores):
        text += " Too few images, or too few in the wrong order, for an interval that holds 95 times in 100: widened."
    return " ".join([text, *(f"{remark[:1].upper()}{remark[1:]}." for remark in against.remarks)])


def score_words(against: OutOfDistribution) -> str:
    """Each score with its area and interval."""
    return "; ".join(
        f"{score.name} {decimal(score.auc.value, 3)} ({decimal(score.auc.low, 3)} to {decimal(score.auc.high, 3)})"
        for score in against.scores
    )


def turned_words(against: OutOfDistribution) -> str:
    """The scores that are surely higher of the others, in a sentence; "" for none."""
    turned = [score.name for score in against.scores if score.auc.high < 0.5]
    verb, others = "holds" if len(turned) == 1 else "hold", "the others" if against.kind == "data" else against.other
    return (
        f"Surely below 0.5, {listed(turned)} {verb} {others} for more familiar than the data's own images."
        if turned
        else ""
    )


def effect_words(effect: Effect) -> str:
    """The effect of leaving images out, in a sentence."""
    points = (decimal(100 * number, 2) for number in (effect.difference.value, effect.difference.low,
                                                      effect.difference.high))  # fmt: skip
    value, low, high = points
    sign = "+" if effect.difference.value > 0 else ""
    return (
        f"Without the {effect.removed} ({count(effect.only.n)}), the model is right for "
        f"{percent(effect.without.value, 2)} of {effect.split} (n = {count(effect.without.n)}) in place of "
        f"{percent(effect.all.value, 2)} (n = {count(effect.all.n)}): {sign}{value} points ({low} to {high}); on "
        f"these images alone {percent(effect.only.value)} ({interval(effect.only)})."
    )
