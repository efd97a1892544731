"""The section on the weights of a linear network of two classes."""

from __future__ import annotations

from functools import partial

from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.linear.chart import linear_chart
from ironglass.report.linear.weights import linear_words, read_linear


def _pictures(source: Source) -> Facts:
    return {"linear": read_linear(source.run, source.results) if len(source.classes) == 2 else []}


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    if not facts["linear"]:
        return {}
    label = "The weights of the linear network, their signs, and images after one signed step"
    return {"linear": Chart(partial(linear_chart, facts["linear"], source.classes), label)}


SECTION = Section(
    key="linear",
    title="Weights of the linear network",
    template="linear/section",
    results=("linear",),
    applies=lambda source, facts: bool(facts["linear"]),
    file="linear",
    pictures=_pictures,
    charts=_charts,
    filters=(linear_words,),
)
