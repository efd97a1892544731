"""The title of a page, and the line below it: which model, which data, which day, and what was measured."""

from __future__ import annotations

from datetime import date
from pathlib import PurePath
from typing import Any

from ironglass.report.kit.section import Source
from ironglass.report.kit.words import listed, magnitude
from ironglass.report.page.registry import SECTIONS
from ironglass.results.sections import Results

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
"""As English has them, whatever the machine's language."""


def page_title(source: Source) -> str:
    """Model, data and day of a run, as "logistic · digits · 30 November 2026"; what is not known is left out.

    A run of several models has its recipe's name in place of the model's; one of which nothing is known, its folder's.
    """
    recipe, results = source.recipe, source.results
    model = results.model.name if results.model else recipe.get("model") if _has_one_model(results) else None
    parts = [
        short_name(str(model)) if model else str(recipe.get("name") or ""),
        short_name(str(source.data.get("name") or recipe.get("dataset") or "")),
        day(source.environment.get("date")),
    ]
    return " · ".join(part for part in parts if part) or source.run.path.resolve().name


def _has_one_model(results: Results) -> bool:
    return not (results.comparison or results.sweep or results.transfer or results.runs_compared or results.inspection)


def short_name(name: str) -> str:
    """A model's or data set's name; of a path on this machine its last part."""
    kind, colon, path = name.partition(":")
    if colon and "/" in path and kind not in ("hf", "timm"):
        return short_name(path)
    return PurePath(name).name or name if name.startswith((".", "/", "~", "runs/")) else name


def day(text: Any) -> str:
    """ "2026-11-30" as "30 November 2026"; "" for what is no day."""
    try:
        when = date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return ""
    return f"{when.day}\u00a0{MONTHS[when.month - 1]}\u00a0{when.year}" if when else ""


def subtitle(source: Source) -> str:
    """One sentence on what was measured, or, where nothing was, on what the network is."""
    if measured := [text for section in SECTIONS if (text := section.measured(source.results))]:
        sentence = listed(measured)
        return f"{sentence[0].upper()}{sentence[1:]}."
    return f"{network_words(source)}."


def network_words(source: Source) -> str:
    """The network, its size, and what it tells apart, as far as they are known."""
    recipe, model = source.recipe, source.results.model
    name = model.name if model else recipe.get("model") or "An image classifier"
    size = f" of {magnitude(model.parameters)} parameters" if model else ""
    classes = source.data.get("classes", [])
    task = f" telling {len(classes)} classes apart" if classes else ""
    dataset = source.data.get("name") or recipe.get("dataset")
    return f"{name}{size}{task}{f', on {dataset}' if dataset else ''}"
