"""The section on explanations by named methods."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.explanation.drift_chart import drift, drift_metrics
from ironglass.report.explanation.images import APART, read_explained
from ironglass.report.explanation.sanity_chart import sanity
from ironglass.report.explanation.words import explanation_words, sanity_words, shortcut_words
from ironglass.report.kit.constant import constant_words, is_constant
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.report.kit.words import count, listed, p_value, short_labels
from ironglass.results.sections import Results

FEWEST = 10
"""Explained images from which on one name for all of them says something of the network."""

DETAILS = {"occlusion": "where the attribution is highest", "control": "control at a random position"}


def _pictures(source: Source) -> Facts:
    measured = source.results.explanations
    units = {method.name: method.unit for method in measured.methods} if measured else {}
    explained = read_explained(source.run, source.name_of, units)
    cards = explained.cards() if explained else []
    return {
        "explained": explained,
        "explained_cards": cards,
        "explained_frames": any(row["frame"] for card in cards for row in card["rows"]),
    }


def _facts(source: Source) -> Facts:
    measured = source.results.explanations
    labels = {method.name: method.label for method in measured.methods} if measured else {}
    metrics = drift_metrics(measured) if measured else {}
    return {
        "explained_labels": labels,
        "explained_apart": listed([labels[name] for name in APART if name in labels]),
        "drift_metrics": list(metrics.items()),
        "drift_inside": "inside_before" in metrics,
    }


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    measured, quality, charts = source.results.explanations, source.results.quality, dict[str, Chart]()
    if measured and len(measured.conditions) > 1:
        label = "How far each method's maps move when the images are changed"
        charts["drift"] = Chart(partial(drift, measured), label)
    if quality and quality.sanity:
        label = "What is left of each method's maps as the network's layers are made random"
        charts["sanity"] = Chart(partial(sanity, quality.sanity, facts["explained_labels"]), label)
    return charts


def _headlines(results: Results) -> list[Headline]:
    measured = results.explanations
    return [
        Headline(
            condition.label[0].upper() + condition.label[1:],
            DETAILS.get(condition.kind, "explained images"),
            condition.accuracy,
            first=condition.kind in DETAILS,
            row=f"Accuracy, {condition.label}",
        )
        for condition in (measured.conditions if measured else ())
        if condition.kind != "clean"
    ]


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    sentences = [explanation_words(results.explanations)] if results.explanations else []
    if results.shortcuts and results.shortcuts.places:
        sentences.append(f"Does one region decide? {shortcut_words(results.shortcuts)}")
    return sentences


def _cautions(results: Results) -> list[str]:
    """On a network that names one class for all that was explained, where neither evaluation nor attacks say so."""
    explained = results.explanations
    if explained is None or explained.naming is None or results.evaluation is not None or results.attacks is not None:
        return []
    drawn = explained.images in ("random", "all") and explained.n >= FEWEST
    if not drawn or not is_constant(explained.naming):
        return []
    return [constant_words(explained.conditions[0].accuracy, explained.naming)]


def _terminal(results: Results) -> list[str]:
    tested = results.quality.sanity if results.quality else None
    return sanity_words(tested, {}) if tested else []


def _measured(results: Results) -> str:
    measured = results.explanations
    if measured is None:
        return ""
    methods = listed(short_labels([method.label for method in measured.methods]))
    return f"maps by {methods} of {count(measured.n)} images"


SECTION = Section(
    key="explanations",
    title="Explanations",
    template="explanation/section",
    results=("explanations", "quality", "evidence", "shortcuts"),
    measured=_measured,
    applies=lambda source, facts: source.results.explanations is not None,
    file="explained",
    pictures=_pictures,
    facts=_facts,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    terminal=_terminal,
    support=lambda results: support_words(None, results.explanations.n if results.explanations else 0),
    explains=True,
    filters=(sanity_words, shortcut_words, p_value),
)
