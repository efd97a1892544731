"""The section on a hardening: the same classifier before and after."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.hardening.chart import hardening, watched
from ironglass.report.hardening.curve_chart import eps_curve
from ironglass.report.hardening.pictures import FILE, attacked_pictures
from ironglass.report.hardening.words import (
    class_words,
    cost_words,
    gained_points,
    hardening_words,
    method_name,
    method_words,
    passes_words,
    seed_words,
    time_ratio,
)
from ironglass.report.kit.constant import constant_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.words import eps_text, p_value, percent
from ironglass.results.hardening import Hardening, PairedRow
from ironglass.results.hardening.change import ClassChange
from ironglass.results.sections import Results


def _facts(source: Source) -> Facts:
    """Rows with the worst case first, classes with those that gained least under attack first, words on the method."""
    measured = source.results.hardening
    if measured is None:
        return {}
    worst = [row for row in reversed(measured.rows) if row.name == "worst"]
    return {
        "paired_rows": [*worst, *(row for row in measured.rows if row.name != "worst")],
        "class_rows": sorted(measured.classes, key=class_gain),
        "class_text": class_words(measured),
        "method_names": [method_name(method) for method in measured.methods],
        "passes": passes_words(measured.methods).removesuffix(" passes a batch") or None,
        "time_ratio": time_ratio(measured),
    }


def class_gain(row: ClassChange) -> tuple[float, float]:
    """Points gained under attack, and on unchanged images, as shares."""
    pair = row.attacked or row.clean
    return pair.after.value - pair.before.value, row.clean.after.value - row.clean.before.value


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    measured = source.results.hardening
    if measured is None:
        return {}
    label = "Accuracy before and after hardening, on unchanged images and under each attack"
    charts = {"hardening": Chart(partial(hardening, measured), label)}
    if measured.curve:
        label = "Accuracy before and after hardening at several eps"
        charts["hardening-curve"] = Chart(partial(eps_curve, measured), label)
    if measured.watched:
        label = "Accuracy on held-out images after every epoch, unchanged and under attack"
        charts["watched"] = Chart(partial(watched, measured.watched), label)
    return charts


def _headlines(results: Results) -> list[Headline]:
    """The worst case at the largest eps, before and after, and the accuracy that it cost; then all other rows."""
    measured = results.hardening
    if measured is None:
        return []
    clean, worst = measured.rows[0], measured.rows[-1]
    eps = eps_text(worst.eps, measured.norm)
    verdicts = worst.verdicts
    headlines = [
        Headline(
            f"Under attack {side}, eps {eps}", "right under every attack", rate, under_attack=True, verdict=verdict
        )
        for side, rate, verdict in (
            ("before", worst.before, verdicts.before if verdicts else None),
            ("after", worst.after, verdicts.after if verdicts else None),
        )
    ]
    headlines.append(Headline("Unchanged images, after", f"before: {percent(clean.before.value)}", clean.after))
    headlines.append(Headline("Unchanged images, before", "", clean.before, first=False))
    return [*headlines, *(line for row in measured.rows[1:-1] for line in _row(row, measured))]


def _row(row: PairedRow, measured: Hardening) -> list[Headline]:
    """A row that is not on the first screen, both sides."""
    at = f", eps {eps_text(row.eps, measured.norm)}" if row.eps else ""
    sides = (("before", row.before), ("after", row.after))
    verdicts = {"before": row.verdicts.before, "after": row.verdicts.after} if row.verdicts else {}
    return [Headline(f"{row.label}{at}", side, rate, False, True, verdicts.get(side)) for side, rate in sides]


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    measured = results.hardening
    if measured is None:
        return []
    method = " ".join(filter(None, (method_words(measured), cost_words(measured))))
    return [hardening_words(measured), *filter(None, [seed_words(measured)]), method, class_words(measured)]


def _terminal(results: Results) -> list[str]:
    return [line for line in _words(results, ()) if line]


def _cautions(results: Results) -> list[str]:
    if results.hardening is None:
        return []
    sides = results.hardening.evaluations
    sides_named = (("After", sides.after), ("Before", sides.before))
    cautions = [
        constant_words(part.accuracy, part.naming, f"{side} hardening it") for side, part in sides_named if part
    ]
    further = results.hardening.seeds.rows[1:] if results.hardening.seeds else ()
    return cautions + [
        constant_words(row.evaluation.accuracy, row.evaluation.naming, f"After hardening by seed {row.seed} it")
        for row in further
        if row.evaluation
    ]


def _measured(results: Results) -> str:
    return "one network before and after hardening, attacked alike on the same images" if results.hardening else ""


SECTION = Section(
    key="hardening",
    title="Before and after hardening",
    template="hardening/section",
    results=("hardening",),
    measured=_measured,
    file=FILE,
    pictures=attacked_pictures,
    facts=_facts,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    terminal=_terminal,
    filters=(p_value, gained_points, seed_words),
)
