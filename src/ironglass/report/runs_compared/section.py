"""The section on runs compared: accuracies, tested differences, classes, images gained and lost, cost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from ironglass.report.kit import pictures
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.tensors import read_tensors
from ironglass.report.kit.words import p_value
from ironglass.report.runs_compared.chart import clean_robust
from ironglass.report.runs_compared.words import (
    compared_words,
    condition_words,
    constant_cautions,
    counts_words,
    difference_words,
    mean_words,
    outcome,
    pair_words,
    shown_conditions,
    signed,
    signed_mean,
    strongest,
    threshold_words,
)
from ironglass.results.runs_compared import ClassCompared, ConditionCompared, RunsCompared
from ironglass.results.sections import Results

CARDS = 4
"""Numbers on the first screen, at most."""
COLUMNS = 4
"""Runs that a table has a column each for, at most; of more it has a row each."""


def _pictures(source: Source) -> Facts:
    """Pictures of images gained or lost, by name."""
    path, names = source.run.path / "compared.safetensors", source.run.read_object("compared.json").get("names", [])
    if not names or not path.is_file():
        return {"changed_pictures": {}}
    photos = [pictures.colour(image) for image in read_tensors(path, "compare the runs again")["images"]]
    pictures_by_key: dict[str, Any] = {}
    for name, photo in zip(names, photos, strict=True):
        pictures_by_key[str(name)] = pictures.picture(photo)
    return {"changed_pictures": pictures_by_key}


def _facts(source: Source) -> Facts:
    """Reports of the runs, as addresses from the comparison's folder; classes, those that differ most first."""
    compared = source.results.runs_compared
    if compared is None:
        return {}
    reports: dict[str, str] = {}
    for run in compared.runs:
        page = os.path.join(run.folder, "report.html")  # noqa: PTH118  (as it was given)
        if os.path.isfile(page):  # noqa: PTH113
            reports[run.name] = os.path.relpath(page, source.run.path)
    return {
        "run_reports": reports,
        "class_rows": sorted(compared.classes, key=class_gap, reverse=True),
        "conditions": worst_first(compared.conditions, strongest(compared)),
        "main_conditions": worst_first(shown_conditions(compared), strongest(compared)),
        "by_run": len(compared.runs) > COLUMNS,
    }


def worst_first(conditions: Sequence[ConditionCompared], hardest: ConditionCompared | None) -> list[ConditionCompared]:
    """The hardest condition; further worst cases, the largest eps first; unchanged images; single attacks."""
    order = {"worst": 1, "clean": 2}

    def rank(one: ConditionCompared) -> tuple[int, float]:
        return 0 if one is hardest else order.get(one.name, 3), -one.eps if one.name == "worst" else 0.0

    return sorted(conditions, key=rank)


def class_gap(row: ClassCompared) -> float:
    """The largest difference between two runs on a class."""
    values = [rate.value for rate in row.rates.values()]
    return max(values) - min(values)


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    compared = source.results.runs_compared
    if compared is None or strongest(compared) is None:
        return {}
    label = "Accuracy under attack against accuracy on unchanged images, a point a run"
    return {"clean-robust": Chart(partial(clean_robust, compared), label)}


def _headlines(results: Results) -> list[Headline]:
    compared = results.runs_compared
    return _numbers(compared) if compared else []


def _numbers(compared: RunsCompared) -> list[Headline]:
    """Every run's accuracy under the strongest attack that runs share, then on unchanged images.

    On the first screen those of all runs, or where they are many, of the run that is highest under attack and of the
    one that is highest on unchanged images.
    """
    attacked = strongest(compared)
    rates = attacked.rates if attacked else {}
    cards = {run.name for run in compared.runs}
    if len(compared.runs) + len(rates) > CARDS:
        accurate = sorted(compared.runs, key=lambda run: -run.accuracy.value)
        robust = max(rates, key=lambda name: rates[name].value, default="")
        cards = {robust, accurate[0].name} if rates else {run.name for run in accurate[:CARDS]}
    headlines = [
        Headline(name, condition_words(attacked), rate, name in cards, True, attacked.verdicts.get(name))
        for name, rate in rates.items()
        if attacked
    ]
    unchanged = f"unchanged {compared.split} images"
    return headlines + [Headline(run.name, unchanged, run.accuracy, run.name in cards) for run in compared.runs]


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return compared_words(results.runs_compared) if results.runs_compared else []


def _cautions(results: Results) -> list[str]:
    if results.runs_compared is None:
        return []
    missed = [f"Missed {threshold_words(one)}." for one in results.runs_compared.thresholds if one.missed]
    return [*constant_cautions(results.runs_compared), *missed]


def _measured(results: Results) -> str:
    measured = results.runs_compared
    return f"{len(measured.runs)} runs compared image by image" if measured else ""


SECTION = Section(
    key="runs-compared",
    title="Runs compared",
    template="runs_compared/section",
    results=("runs_compared",),
    measured=_measured,
    file="compared",
    pictures=_pictures,
    facts=_facts,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    filters=(
        p_value,
        condition_words,
        pair_words,
        difference_words,
        counts_words,
        outcome,
        threshold_words,
        signed,
        mean_words,
        signed_mean,
    ),
)
