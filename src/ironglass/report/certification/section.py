"""The section on certified accuracy: the bracket at each eps."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.certification.chart import brackets
from ironglass.report.certification.words import bracket_words, certificate_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.report.kit.words import eps_text
from ironglass.results.sections import Results


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    measured = source.results.certification
    if measured is None:
        return {}
    label = "For each eps a bar from the accuracy that is certified to the one that an attack leaves"
    return {"certification": Chart(partial(brackets, measured), label)}


def _headlines(results: Results) -> list[Headline]:
    measured = results.certification
    if measured is None:
        return []
    headlines = list[Headline]()
    for point in measured.points:
        size = eps_text(point.eps, measured.norm)
        first = point is measured.points[-1]
        headlines.append(Headline("Certified accuracy", f"{measured.method}, {size}", point.certified, first=first))
        if point.attacked is not None:
            under = f"{measured.attack}, {size}"
            headlines.append(Headline("Not fooled", under, point.attacked, first=False))
    return headlines


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return [bracket_words(results.certification)] if results.certification else []


SECTION = Section(
    key="certification",
    title="Certified accuracy",
    template="certification/section",
    results=("certification",),
    measured=lambda results: "certified accuracy" if results.certification else "",
    charts=_charts,
    headlines=_headlines,
    words=_words,
    terminal=lambda results: [bracket_words(results.certification)] if results.certification else [],
    support=lambda results: support_words(results.certification.clean if results.certification else None),
    filters=(bracket_words, certificate_words),
)
