"""The section on accuracy on unchanged images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.evaluation.chart import confusion
from ironglass.report.evaluation.words import accuracy_words, calibration_words
from ironglass.report.kit.constant import constant_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.results.sections import Results


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    evaluation = source.results.evaluation
    if evaluation is None or not evaluation.confusion:
        return {}
    label = "Confusion matrix: images by true class and predicted class"
    return {"confusion": Chart(partial(confusion, evaluation.confusion, source.classes), label)}


def _headlines(results: Results) -> list[Headline]:
    evaluation = results.evaluation
    return [Headline("Accuracy", f"on clean {evaluation.split} images", evaluation.accuracy)] if evaluation else []


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return [accuracy_words(results.evaluation, classes)] if results.evaluation else []


def _cautions(results: Results) -> list[str]:
    evaluation = results.evaluation
    return [constant_words(evaluation.accuracy, evaluation.naming)] if evaluation else []


SECTION = Section(
    key="evaluation",
    title="Evaluation",
    template="evaluation/section",
    results=("evaluation",),
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    filters=(calibration_words,),
)
