"""The section on common corruptions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.corruption.chart import corruption
from ironglass.report.corruption.example_image import read_corrupted
from ironglass.report.corruption.words import corruption_set, corruption_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.results.sections import Results


def _pictures(source: Source) -> Facts:
    return {"corrupted": read_corrupted(source.run, source.name_of)}


def _is_measured(source: Source, facts: Facts) -> bool:
    return source.results.corruptions is not None or bool(facts["corrupted"])


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    measured = source.results.corruptions
    if measured is None:
        return {}
    label = "Accuracy under every corruption at every severity, beside the unchanged images"
    return {"corruptions": Chart(partial(corruption, measured), label)}


def _headlines(results: Results) -> list[Headline]:
    measured = results.corruptions
    if measured is None:
        return []
    rows = measured.corruptions
    over = f"mean of {len(rows)} corruptions" if len(rows) > 1 else "".join(row.label for row in rows)
    title = "Accuracy on corrupted images"
    headlines = [Headline(title, f"{over}, five severities", measured.mean)]
    headlines.append(Headline("Accuracy", "on the same images unchanged", measured.clean, first=False))
    if len(rows) > 1:
        headlines += [Headline(title, f"{row.label}, five severities", row.mean, first=False) for row in rows]
    return headlines


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return [corruption_words(results.corruptions)] if results.corruptions else []


def _measured(results: Results) -> str:
    measured = results.corruptions
    return f"accuracy under {len(measured.corruptions)} corruptions" if measured else ""


SECTION = Section(
    key="corruptions",
    title="Common corruptions",
    template="corruption/section",
    results=("corruptions",),
    measured=_measured,
    applies=_is_measured,
    file="corruptions",
    pictures=_pictures,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    support=lambda results: support_words(results.corruptions.mean if results.corruptions else None),
    filters=(corruption_set, corruption_words),
)
