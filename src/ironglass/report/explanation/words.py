"""Sentences on the explanations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from ironglass.report.kit.words import count, decimal, listed, percent
from ironglass.results.explanation import (
    AttackCondition,
    ControlCondition,
    Explanations,
    OcclusionCondition,
)
from ironglass.results.quality import Sanity, Shortcuts, Similarity

LITTLE = 0.2
"""Rank correlation with the original, once every weight is random, up to which little is left of a map."""
LIMITS = (0.7, 0.5)
"""Those below which a method passes, with half of the layers random and with all, as in `measure.maps.sanity`."""

Changed = OcclusionCondition | ControlCondition | AttackCondition
"""A condition that changes the images."""


def changed_conditions(measured: Explanations) -> list[Changed]:
    """The conditions that change the images."""
    return [condition for condition in measured.conditions if condition.kind != "clean"]


def sanity_words(sanity: Sanity, labels: Mapping[str, str]) -> list[str]:
    """Outcome of the test with random weights for each method, the doubtful ones first."""
    templates = {
        "fails": "{names} fail{s} the test of random weights: what the network has learned was taken away, and the map "
        "changed little (in brackets its rank correlation with the original once half of the layers, and once all, "
        "are random). Much of what such a map shows is the image; whether its strongest regions matter, hiding them "
        "must tell.",
        "unclear": "{names} neither pass{es} nor fail{s} the test of random weights clearly.",
        "passes": "{names} pass{es} the test of random weights: {outcome}.",
    }
    sentences: list[str] = []
    for word, sentence in templates.items():
        these = {name: similarity for name, similarity in sanity.methods.items() if similarity.verdict == word}
        named = [
            f"{labels.get(name, name)} ({_left(similarity, sanity.halfway)})" for name, similarity in these.items()
        ]
        if named:
            outcome = _outcome([similarity for similarity in these.values() if similarity.correlation])
            ends = ("", "") if len(named) > 1 else ("s", "es")
            sentences.append(sentence.format(names=listed(named), s=ends[0], es=ends[1], outcome=outcome))
    return sentences


def _outcome(passing: Sequence[Similarity]) -> str:
    """The end of the sentence on methods that pass, by the map that keeps most once every weight is random."""
    left = max([abs(one.correlation[-1].value) for one in passing if one.correlation], default=0.0)
    if left <= LITTLE:
        return "little is left of the map once every weight is random"
    return (
        "the rank correlation with the original map (in brackets once half of the layers, and once all, are random) is "
        f"below the limits of {decimal(LIMITS[0], 1)} and {decimal(LIMITS[1], 1)}. Part of the map stays all the same: "
        f"at {decimal(left)}, {percent(left**2, 0)} of the variance of its ranks depends on no weight"
    )


def _left(similarity: Similarity, halfway: int) -> str:
    """The correlations once half and once all of the layers are random."""
    if not similarity.correlation:
        return "a constant map"
    return " and ".join(decimal(similarity.correlation[depth].value) for depth in (halfway, -1))


def shortcut_words(shortcuts: Shortcuts) -> str:
    """Outcome of the search for shortcuts: the region that turns most images."""
    regions = sorted(shortcuts.places, key=lambda one: -one.rate.value)
    if not regions:
        return "No class’s maps concentrate on one region, so there was nothing to paste: no such shortcut."
    caught = [one for one in regions if one.shortcut]
    first = (caught or regions)[0]
    top, left, bottom, right = first.place
    where = f"rows {top + 1} to {bottom}, columns {left + 1} to {right}"
    turned = f"{percent(first.rate.value, 0)} of other images into “{first.class_}”"
    control = f"(another region of theirs: {percent(first.control.value, 0)})"
    if caught:
        classes = listed([f"“{name}”" for name in dict.fromkeys(one.class_ for one in caught)])
        return f"It does, for {classes}: the region at {where} alone turns {turned} {control}."
    return f"No shortcut was found. The region that turns most, {where}, turns {turned} {control}."


def explanation_words(measured: Explanations) -> str:
    """Effect of hiding the strongest region, against a random one, and of the change on the maps."""
    hidden = _last(measured, OcclusionCondition)
    sentences = _hidden_words(measured, hidden) if hidden and hidden.fooled else []
    changed = changed_conditions(measured)
    if (condition := _last(measured, AttackCondition) or (changed[0] if changed else None)) is not None:
        lowest, name = min(
            (condition.drift[method.name]["rank_correlation"].value, method.label) for method in measured.methods
        )
        when = f"Under {condition.label}" if condition.kind == "attack" else "With the part hidden"
        sentences.append(
            f"{when} the map that changes most is that by {_lower(name)} "
            f"(rank correlation with the map before: {decimal(lowest)})."
        )
    return " ".join(sentences)


def _hidden_words(measured: Explanations, hidden: OcclusionCondition) -> list[str]:
    """Share of right answers that turn wrong, and the share of the first method's map in the hidden part."""
    if hidden.fooled is None:
        return []
    label = {method.name: method.label for method in measured.methods}.get(hidden.by, hidden.by)
    region = "the chosen part"
    if hidden.patch is not None:
        region = f"the {hidden.patch} × {hidden.patch} pixels where {_lower(label)} is strongest"
    text = f"Setting {region} to black turns {percent(hidden.fooled.value)} of the right answers wrong"
    control = _last(measured, ControlCondition)
    if control and control.fooled:
        text += f"; a patch of the same size at a random position, {percent(control.fooled.value)}"
    sentences = [f"{text} (n = {count(hidden.fooled.n)})."]
    for method in measured.methods:
        drift = hidden.drift.get(method.name, {})
        if "inside_before" in drift:
            before, after = drift["inside_before"].value, drift["inside_after"].value
            sentences.append(
                f"The hidden part held {percent(before, 0)} of the map by {_lower(method.label)} before and holds "
                f"{percent(after, 0)} after, on average."
            )
            break
    return sentences


Kind = TypeVar("Kind", bound=Changed)


def _last(measured: Explanations, kind: type[Kind]) -> Kind | None:
    """The last condition of a kind."""
    return next((condition for condition in reversed(measured.conditions) if isinstance(condition, kind)), None)


def _lower(label: str) -> str:
    """A method's label inside a sentence: proper names keep their capitals."""
    return (
        label if label[:5] in ("Grad-", "Smoot", "Guide") and "backprop" not in label else label[0].lower() + label[1:]
    )
