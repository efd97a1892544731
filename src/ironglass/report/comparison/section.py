"""The sections on the arms of a comparison: their numbers, and what they look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ironglass.report.comparison.chart import comparison, matrix
from ironglass.report.comparison.corruptions import corruption_rows
from ironglass.report.comparison.gallery import read_gallery
from ironglass.report.comparison.rows import arm_rows, other_eps_rows
from ironglass.report.comparison.words import comparison_headlines, comparison_words
from ironglass.report.kit.constant import constant_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.results.hardening import Comparison, Transferred
from ironglass.results.sections import Results


def _both(results: Results) -> tuple[Comparison, Transferred] | None:
    """The arms, and the images that were shown to all; None until both are there."""
    measured, transferred = results.comparison, results.transferred
    return (measured, transferred) if measured and transferred else None


def _facts(source: Source) -> Facts:
    sections = _both(source.results)
    if sections is None:
        return {"arms": []}
    arms = sections[0].arms
    corrupted = {arm.name: arm.corruptions for arm in arms if arm.corruptions}
    return {
        "arms": arm_rows(*sections),
        "same_stages": len({tuple(replace(stage, objective="") for stage in arm.stages) for arm in arms}) == 1,
        "other_eps": other_eps_rows(*sections),
        "arm_corruptions": corruption_rows(corrupted) if corrupted else [],
    }


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    sections = _both(source.results)
    if sections is None:
        return {}
    arms = "Accuracy of every arm unchanged, on images made on the base, and under attacks made on itself"
    pairs = "Accuracy on adversarial images by the arm they were made on and the arm they were shown to"
    return {
        "comparison": Chart(partial(comparison, *sections), arms),
        "transferred": Chart(partial(matrix, *sections), pairs),
    }


def _headlines(results: Results) -> list[Headline]:
    sections = _both(results)
    return comparison_headlines(*sections) if sections else []


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    sections = _both(results)
    return comparison_words(*sections) if sections else []


def _terminal(results: Results) -> list[str]:
    return _words(results, ())


def _cautions(results: Results) -> list[str]:
    measured = results.comparison
    evaluations = [(arm.label, arm.evaluation) for arm in measured.arms if arm.evaluation] if measured else []
    cautions = [constant_words(part.accuracy, part.naming, f"The network {label!r}") for label, part in evaluations]
    if measured is None:
        return cautions
    further = [(arm.label, seed, part) for arm in measured.arms
               for seed, part in zip(measured.seeds[1:], arm.further, strict=False)]  # fmt: skip
    return cautions + [
        constant_words(part.accuracy, part.naming, f"The network {label!r} of seed {seed}")
        for label, seed, part in further
    ]


def _gallery(source: Source) -> Facts:
    measured = source.results.comparison
    return {
        "gallery": read_gallery(source.run, source.name_of),
        "arm_labels": {arm.name: arm.label for arm in measured.arms} if measured else {},
    }


def _measured(results: Results) -> str:
    measured = results.comparison
    return f"{len(measured.arms)} ways of training, each under attacks made on itself" if measured else ""


ARMS = Section(
    key="comparison",
    title="Transfer versus white-box accuracy",
    template="comparison/section",
    results=("comparison", "transferred"),
    measured=_measured,
    applies=lambda source, facts: bool(facts["arms"]),
    facts=_facts,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    terminal=_terminal,
)

GALLERY = Section(
    key="gallery",
    title="Saliency, preferred images and feature maps",
    template="comparison/gallery",
    applies=lambda source, facts: bool(facts["gallery"]),
    file="gallery",
    pictures=_gallery,
)
