"""Networks that name one class whatever they are shown, or do no better than if they did: said before anything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ironglass.report.kit.words import percent

CONSTANT = 0.9
"""Share of images, from which a class that fewer of them are of is named too often for the images to matter."""


def constant_words(evaluation: dict[str, Any], who: str = "It") -> str:
    """Whether the network answers without regard to the image; "" where it does better than that.

    evaluation: `accuracy` and `naming` as in `results.json`. who: what the sentence is about, "After hardening it".
    """
    naming, rate = evaluation.get("naming"), evaluation["accuracy"]
    if not naming:
        return ""
    common, share = naming["commonest"], naming["commonest_share"]
    if naming["named_share"] >= CONSTANT and naming["named_true_share"] < CONSTANT:
        nearly = "" if naming["named_share"] == 1 else "nearly "
        named, true = percent(naming["named_share"]), percent(naming["named_true_share"])
        return (
            f"{who} names one class, “{naming['named']}”, for {named} of the images, {nearly}whatever they show: "
            f"{true} of them are of it. Its other numbers are those of such an answer: what does not depend on the "
            "image cannot be changed by an attack."
        )
    if rate["value"] <= share:
        return (
            f"{who} is no better than always naming the commonest class, “{common}”: that would get {percent(share)} "
            f"right, and it gets {percent(rate['value'])}."
        )
    if rate["low"] <= share:
        return (
            f"{who} may be no better than always naming the commonest class, “{common}”, which would get "
            f"{percent(share)} right: it gets {percent(rate['value'])} of {rate['n']} images, too close to tell."
        )
    return ""


def constant_lines(results: dict[str, Any]) -> list[str]:
    """A sentence each network of a run that answers without regard to the image."""
    return [said for evaluation, who in _judged(results) if (said := constant_words(evaluation, who))]


def _judged(results: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    if evaluation := results.get("evaluation"):
        yield evaluation, "It"
    sides = results.get("hardening", {}).get("evaluations", {})
    for side in ("after", "before"):
        if sides.get(side):
            yield sides[side], f"{side.capitalize()} hardening it"
    for arm in results.get("comparison", {}).get("arms", []):
        if arm.get("evaluation"):
            yield arm["evaluation"], f"The network {arm['label']!r}"
    if (swept := results.get("sweep")) and (best := swept["recommended"]):
        row = next(row for row in swept["rows"] if row["name"] == best["trial"])
        if "naming" in row:
            yield {"accuracy": row["measured"], "naming": row["naming"]}, "The recommended network"
