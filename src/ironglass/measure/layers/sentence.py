"""One sentence about a layer, from its numbers alone."""

from __future__ import annotations

from typing import Any

TOLERANCE = 0.02
"""Accuracies that differ by less are described as equal."""


def note(layer: dict[str, Any], *, clean: float, chance: float) -> str:
    """The sentence about a layer, an entry of `layers` in `results.json` without its note.

    Concentration: below 0.25 nearly everywhere, from 0.5 small parts. Agreement: from 0.5 agrees, from 0.2 in part,
    below −0.2 contradicts. Accuracies: within 0.02 of `clean` equal, with an interval that reaches `chance` guessing.
    The accuracy without the layer is given where it is better than guessing.
    """
    parts = [_attribution_text(layer), _probe_text(layer["probe"], clean, chance)]
    if layer["shape"][1:] != [1, 1]:
        parts.append("without its layout " + _accuracy_text(layer["without_layout"], clean, chance))
    if layer["without_layer"]["low"] > chance:  # in a plain chain nothing bypasses a layer
        parts.append("without the layer " + _accuracy_text(layer["without_layer"], clean, chance))
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _attribution_text(layer: dict[str, Any]) -> str:
    if layer["shape"][1:] == [1, 1]:
        return "sees the image as a whole, without places"
    if layer["positive"]["value"] < 0.5:
        return f"finds evidence for the prediction in only {_percent(layer['positive']['value'])} of the images"
    share = layer["concentration"]["value"]
    spread = (
        "nearly everywhere" if share < 0.25 else "at some parts more than others" if share < 0.5 else "at small parts"
    )
    text = f"looks {spread} (10 % of the map holds {_percent(share)} of the evidence)"
    if layer["agreement"] is None:
        return text
    rho = layer["agreement"]["value"]
    steps = ((0.5, "agrees"), (0.2, "agrees in part"), (-0.2, "hardly agrees"), (-1.1, "says the opposite"))
    agrees = next(words for least, words in steps if rho >= least)
    return f"{text}, and occlusion {agrees} (rank correlation {rho:.2f})"


def _probe_text(probe: dict[str, Any], clean: float, chance: float) -> str:
    reached = _percent(probe["value"])
    if probe["low"] <= chance:
        return f"a linear classifier on it is not surely better than guessing ({reached})"
    if probe["value"] > clean + TOLERANCE:
        return f"a linear classifier on it is better than the whole network ({reached}, not {_percent(clean)})"
    if probe["value"] >= clean - TOLERANCE:
        return f"a linear classifier on it is as good as the whole network ({reached})"
    return f"a linear classifier on it reaches {reached}"


def _accuracy_text(rate: dict[str, Any], clean: float, chance: float) -> str:
    value = rate["value"]
    if abs(value - clean) < TOLERANCE:
        return f"accuracy stays at {_percent(value)}"
    if value > clean:
        return f"accuracy rises from {_percent(clean)} to {_percent(value)}"
    guessing = ", not surely better than guessing" if rate["low"] <= chance else ""
    return f"accuracy falls from {_percent(clean)} to {_percent(value)}{guessing}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
