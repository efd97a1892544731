"""The section on the trials of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.kit.constant import constant_words, is_constant
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.words import count, eps_text, listed, p_value
from ironglass.report.sweep.chart import numeric_axis, trials
from ironglass.report.sweep.words import (
    NAMED,
    chosen_by,
    chosen_rate,
    measured_rows,
    recommended_row,
    sweep_words,
    trial_label,
    trial_values,
    trial_words,
)
from ironglass.results.sections import Results
from ironglass.results.sweep import Sweep


def _facts(source: Source) -> Facts:
    measured = source.results.sweep
    return {"numeric": measured is not None and numeric_axis(measured) is not None}


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    measured = source.results.sweep
    if measured is None:
        return {}
    label = f"Accuracy of {len(measured.rows)} trials with their intervals"
    return {"trials": Chart(partial(trials, measured), label)}


def _headlines(results: Results) -> list[Headline]:
    """The recommended trial, then all others."""
    measured = results.sweep
    if measured is None:
        return []
    rows = measured_rows(measured).values()
    others = [Headline(trial_label(row, measured), "validation images", row.validation, first=False) for row in rows]
    return [*_recommended(measured), *others]


def _recommended(measured: Sweep) -> list[Headline]:
    """The recommended trial: the accuracy it was chosen by, and those that had no say."""
    best, recommended = recommended_row(measured), measured.recommended
    if best is None or recommended is None:
        return []
    detail = "of validation images" if chosen_by(measured) == "validation" else "of validation images under attack"
    if others := len(recommended.tests):
        detail += f": the highest of {others + 1} {'settings' if measured.settings else 'trials'}"
    repeats = [axis.field for axis in measured.axes] == ["seed"]
    label = f"{'Highest of the seeds' if repeats else 'Recommended'}: {trial_words(best, measured)}"
    row = f"{label}, {'validation' if chosen_by(measured) == 'validation' else 'validation under attack'}"
    lines = [Headline(label, detail, chosen_rate(best, measured), row=row)]
    if measured.split != "validation":
        label = f"The same on {measured.split} images"
        lines.append(Headline(label, "which had no say in it", best.measured, row=label))
    if best.robust:
        at = f", eps {eps_text(best.robust.eps, measured.attacks.norm)}" if measured.attacks else ""
        label, detail = f"The same under attack{at}", "right under every attack"
        lines.append(Headline(label, detail, best.robust.accuracy, under_attack=True, verdict=best.robust.verdict))
    return lines


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return [sweep_words(results.sweep)] if results.sweep else []


def _cautions(results: Results) -> list[str]:
    measured = results.sweep
    best = recommended_row(measured) if measured else None
    if measured is None or best is None:
        return []
    others = [row for row in measured_rows(measured).values() if row is not best and is_constant(row.naming)]
    cautions = [constant_words(best.measured, best.naming, "The recommended network"), _unattacked(measured)]
    if others:
        listable = len(others) <= NAMED
        labels = listed([f"“{trial_label(row, measured)}”" for row in others]) if listable else count(len(others))
        who = f"{'Trial' if len(others) == 1 else 'Trials'} {labels}" if listable else f"{labels} trials"
        cautions.append(
            f"{who} {'names' if len(others) == 1 else 'name'} one class for nearly every image, whatever it shows: "
            "the numbers are those of such an answer."
        )
    return cautions


def _unattacked(measured: Sweep) -> str:
    """That training against attacks cannot be judged by unchanged images; "" where it is not tried or is judged."""
    hardened = any(isinstance(value, dict) and "eps" in value for row in measured.rows for value in row.values)
    if measured.attacks is not None or not hardened:
        return ""
    return (
        "Some trials were trained against attacks, and none was attacked: unchanged images speak for the one that was "
        "hardened least. Name attacks (--attacks pgd-20) to choose by accuracy under them."
    )


def _measured(results: Results) -> str:
    return f"{len(results.sweep.rows)} trained networks" if results.sweep else ""


SECTION = Section(
    key="trials",
    title="Trials",
    template="sweep/section",
    results=("sweep",),
    measured=_measured,
    facts=_facts,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    terminal=lambda results: [sweep_words(results.sweep)] if results.sweep else [],
    filters=(trial_values, p_value),
)
