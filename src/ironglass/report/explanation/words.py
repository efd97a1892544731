"""What the explanations show, in sentences for somebody who reads nothing else."""

from __future__ import annotations

from typing import Any

from ironglass.report.kit.words import count, decimal, listed, percent


def p_value(p: float) -> str:
    """A probability of a test as "= 0.03" or "< 0.001"."""
    return "< 0.001" if p < 0.001 else f"= {p:.2g}"


def sanity_words(sanity: dict[str, Any], labels: dict[str, str]) -> list[str]:
    """What the test with random weights says of each method, the doubtful ones first."""
    told = {
        "fails": "{names} fail{s} the test of random weights: what the network has learned was taken away, and the map "
        "changed little (in brackets its rank correlation with the original once half of the layers, and once all, "
        "are random). Much of what such a map shows is the image; whether its strongest places matter, hiding them "
        "must tell.",
        "unclear": "{names} neither pass{es} nor fail{s} the test of random weights clearly.",
        "passes": "{names} pass{es} the test of random weights: little is left of the map once every weight is random.",
    }
    found = []
    for word, sentence in told.items():
        these = {name: judged for name, judged in sanity["methods"].items() if judged["verdict"] == word}
        named = [
            f"{labels.get(name, name)} ({_left(judged, sanity.get('halfway', -1))})" for name, judged in these.items()
        ]
        if named:
            found.append(
                sentence.format(names=listed(named), s="" if len(named) > 1 else "s", es="" if len(named) > 1 else "es")
            )
    return found


def _left(judged: dict[str, Any], halfway: int) -> str:
    """The correlations once half and once all of the layers are random."""
    means = [judged["correlation"][depth] for depth in (halfway, -1)] if judged["correlation"] else [None]
    return " and ".join("a constant map" if mean is None else decimal(mean["value"]) for mean in means)


def shortcut_words(found: dict[str, Any]) -> str:
    """Whether a fixed place decides, and which."""
    places = sorted(found["places"], key=lambda one: -one["rate"]["value"])
    if not places:
        return "No class’s maps meet in one place, so there was nothing to paste: no such shortcut."
    caught = [one for one in places if one["shortcut"]]
    first = (caught or places)[0]
    top, left, bottom, right = first["place"]
    where = f"rows {top + 1} to {bottom}, columns {left + 1} to {right}"
    turned = f"{percent(first['rate']['value'], 0)} of other images into “{first['class']}”"
    control = f"(another place of theirs: {percent(first['control']['value'], 0)})"
    if caught:
        classes = listed([f"“{name}”" for name in dict.fromkeys(one["class"] for one in caught)])
        return f"It does, for {classes}: the place at {where} alone turns {turned} {control}."
    return f"No shortcut was found. The place that turns most, {where}, turns {turned} {control}."


def explanation_words(measured: dict[str, Any]) -> str:
    """What hiding the place where a method points does, against a place by chance, and what becomes of the maps."""
    by_kind = {condition["kind"]: condition for condition in measured["conditions"]}
    sentences = []
    if (hidden := by_kind.get("occlusion")) and "fooled" in hidden:
        label = {method["name"]: method["label"] for method in measured["methods"]}.get(hidden["by"], hidden["by"])
        if "patch" in hidden:
            what = f"the {hidden['patch']} × {hidden['patch']} pixels where {_lower(label)} is strongest"
        else:
            what = "the chosen part"
        text = f"Setting {what} to black turns {percent(hidden['fooled']['value'])} of the right answers wrong"
        if (control := by_kind.get("control")) and "fooled" in control:
            text += f"; a patch of the same size at a place by chance, {percent(control['fooled']['value'])}"
        sentences.append(f"{text} (n = {count(hidden['fooled']['n'])}).")
        inside = [
            (method["label"], hidden["drift"][method["name"]])
            for method in measured["methods"]
            if "inside_before" in hidden["drift"].get(method["name"], {})
        ]
        for name, found in inside[:1]:
            before, after = found["inside_before"]["value"], found["inside_after"]["value"]
            sentences.append(
                f"The hidden part held {percent(before, 0)} of {_lower(name)}’s map before and holds "
                f"{percent(after, 0)} after, on average."
            )
    changed = [condition for condition in measured["conditions"] if "drift" in condition]
    if (condition := by_kind.get("attack") or (changed[0] if changed else None)) is not None:
        lowest, name = min(
            (condition["drift"][method["name"]]["rank_correlation"]["value"], method["label"])
            for method in measured["methods"]
        )
        when = f"Under {condition['label']}" if condition["kind"] == "attack" else "With the part hidden"
        sentences.append(
            f"{when} the map that changes most is {_lower(name)}’s "
            f"(rank correlation with the map before: {decimal(lowest)})."
        )
    return " ".join(sentences)


def _lower(label: str) -> str:
    """A method's label inside a sentence: proper names keep their capitals."""
    return (
        label if label[:5] in ("Grad-", "Smoot", "Guide") and "backprop" not in label else label[0].lower() + label[1:]
    )
