"""The section on the layers: Grad-CAM of each, and what each contributes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.report.layers.chart import layers
from ironglass.report.layers.words import layers_words
from ironglass.results.sections import Results


def _pictures(source: Source) -> Facts:
    return {"cams": source.samples.grad_cam() if source.samples else []}


def _is_measured(source: Source, facts: Facts) -> bool:
    return source.results.layers is not None or bool(facts["cams"])


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    measured = source.results.layers
    if measured is None or not measured.layers:
        return {}
    label = "Accuracy of a probe and of two interventions, and where Grad-CAM lies, for every layer"
    return {"layers": Chart(partial(layers, measured), label)}


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return [layers_words(results.layers)] if results.layers else []


def _measured(results: Results) -> str:
    measured = results.layers
    return f"what each of {len(measured.layers)} layers contributes" if measured and len(measured.layers) > 1 else ""


SECTION = Section(
    key="looks",
    title="Layers and Grad-CAM",
    template="layers/section",
    results=("layers",),
    measured=_measured,
    applies=_is_measured,
    file="samples",
    pictures=_pictures,
    charts=_charts,
    words=_words,
    support=lambda results: support_words(results.layers.clean if results.layers else None),
    explains=True,
)
