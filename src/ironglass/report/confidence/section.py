"""The section on the worth of probabilities, also of changed images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.confidence.chart import reliability
from ironglass.report.confidence.words import change_words, confidence_words, is_broken, is_fixed, sets_words
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.results.sections import Results


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    measured = source.results.confidence
    if measured is None:
        return {}
    label = "Accuracy against confidence, and the risk of the surest answers"
    return {"reliability": Chart(partial(reliability, measured), label)}


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return [confidence_words(results.confidence)] if results.confidence else []


def _measured(results: Results) -> str:
    return "the worth of its confidences" if results.confidence or results.confidence_under else ""


SECTION = Section(
    key="confidence",
    title="Confidence",
    template="confidence/section",
    results=("confidence", "confidence_under"),
    measured=_measured,
    charts=_charts,
    words=_words,
    support=lambda results: support_words(results.confidence.selective.risk if results.confidence else None),
    filters=(change_words, confidence_words, is_broken, is_fixed, sets_words),
)
