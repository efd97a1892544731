"""The section on accuracy on unchanged images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.evaluation.chart import confusion
from ironglass.report.evaluation.class_words import balanced_words, classes_words, widened_words
from ironglass.report.evaluation.curves_chart import class_curves
from ironglass.report.evaluation.words import accuracy_words, calibration_words
from ironglass.report.kit.constant import constant_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.report.kit.words import count, percent
from ironglass.results.evaluation import Evaluation
from ironglass.results.sections import Results


def _facts(source: Source) -> Facts:
    by_class = source.results.evaluation.by_class if source.results.evaluation else None
    curves = (by_class.curves if by_class else None) or ()
    return {
        "widened": widened_words(curves),
        "balanced_words": balanced_words(by_class),
        "class_rates": {row.class_: row.accuracy for row in (by_class.accuracies if by_class else ())},
        "curves_of": {curve.class_: curve for curve in curves},
    }


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    evaluation, charts = source.results.evaluation, dict[str, Chart]()
    if evaluation is None or not evaluation.confusion:
        return charts
    label = "Confusion matrix: images by true class and predicted class"
    charts["confusion"] = Chart(partial(confusion, evaluation.confusion, source.classes), label)
    curves = (evaluation.by_class.curves if evaluation.by_class else None) or ()
    if any(curve.roc for curve in curves):
        label = "ROC and precision-recall curves of the classes against the rest"
        words = source.data.get("words", {})
        names = [words.get(curve.class_, curve.class_) for curve in curves]
        charts["class_curves"] = Chart(partial(class_curves, curves, names), label)
    return charts


def _headlines(results: Results) -> list[Headline]:
    """The accuracy; where classes are uneven, before it the balanced accuracy, which weighs them alike."""
    evaluation = results.evaluation
    if evaluation is None:
        return []
    on, naming = f"on clean {evaluation.split} images", evaluation.naming
    if not _is_uneven(evaluation) or evaluation.by_class is None:
        return [Headline("Accuracy", on, evaluation.accuracy)]
    mean = f"mean of {evaluation.by_class.classes} classes, {on}"
    shares = f"{on}, {percent(naming.commonest_share, 0)} of them “{naming.commonest}”"
    return [
        Headline("Balanced accuracy", mean, evaluation.by_class.balanced, row=f"Balanced accuracy, {on}"),
        Headline("Accuracy", shares, evaluation.accuracy, row=f"Accuracy, {on}"),
    ]


def _is_uneven(evaluation: Evaluation) -> bool:
    return evaluation.by_class is not None and evaluation.by_class.uneven


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    evaluation = results.evaluation
    if evaluation is None:
        return []
    uneven = [classes_words(evaluation.by_class, evaluation.naming)] if evaluation.by_class else []
    return [*uneven, accuracy_words(evaluation, classes)]


def _cautions(results: Results) -> list[str]:
    evaluation = results.evaluation
    if evaluation is None:
        return []
    return [constant_words(evaluation.accuracy, evaluation.naming, classes=evaluation.by_class)]


def _support(results: Results) -> str:
    evaluation = results.evaluation
    if evaluation is None:
        return ""
    by_class = evaluation.by_class
    return support_words(by_class.balanced if by_class and by_class.uneven else evaluation.accuracy)


def _measured(results: Results) -> str:
    evaluation = results.evaluation
    return f"accuracy on {count(evaluation.accuracy.n)} {evaluation.split} images" if evaluation else ""


SECTION = Section(
    key="evaluation",
    title="Evaluation",
    template="evaluation/section",
    results=("evaluation",),
    measured=_measured,
    facts=_facts,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    support=_support,
    filters=(calibration_words,),
)
