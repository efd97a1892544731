"""The section on the faults of a run's data, found at its beginning, and what they do to its accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.inspection.section import named_pictures
from ironglass.report.inspection.words import FAULT_WORDS, Finding, effect_words, look_words, searched_findings
from ironglass.report.kit.section import Facts, Section, Source
from ironglass.report.kit.words import count, listed
from ironglass.results.inspection import Effect
from ironglass.results.inspection.checks import DataChecks, Findings
from ironglass.results.sections import Results

FEW_IMAGES = 12
"""Images at fault that the page shows without being asked."""
WRONG_LABELS = "images whose label may be wrong"
"""Words of the effect of these images."""


def check_findings(checks: DataChecks) -> list[Finding]:
    """Every kind of fault that was searched for, those without images too."""
    rows = [
        Finding("same pixels in two splits", checks.across, serious=True),
        Finding("same pixels within a split", checks.within),
        Finding("same pixels under two labels", checks.two_labels, serious=True),
    ]
    findings = checks.findings
    return rows + (
        searched_findings(findings.near_duplicates, findings.outliers, findings.label_errors) if findings else []
    )


def check_paragraphs(results: Results) -> list[str]:
    """The findings, and their effect on the accuracy, in sentences."""
    return check_plain(results) or ["Nothing of what was searched for was found in the images."]


def check_plain(results: Results) -> list[str]:
    """The same for the first screen: [] where nothing was found."""
    checks = results.data_checks
    if checks is None or checks.findings is None:
        return []
    rows = [row for row in check_findings(checks) if row.images]
    effects = [*([results.leak_effect] if results.leak_effect else ()), *_effects(results)]
    parts = [
        f"{words} {listed([_counted(row) for row in rows if row.serious == serious])}."
        for serious, words in ((True, "The data put the numbers in doubt:"), (False, "To look at in the data:"))
        if any(row.serious == serious for row in rows)
    ]
    return [*parts, *map(effect_words, effects)]


def _effects(results: Results) -> list[Effect]:
    """The effects on the accuracy; that of labels only where the checks name some, which may be another run's."""
    findings = results.data_checks.findings if results.data_checks else None
    labels_named = bool(findings and findings.label_errors and findings.label_errors.suspects)
    rows = results.data_effects.rows if results.data_effects else ()
    return [effect for effect in rows if labels_named or effect.removed != WRONG_LABELS]


def _counted(row: Finding) -> str:
    return f"{row.name} ({count(row.images)} image{'s' if row.images != 1 else ''})"


def check_line(results: Results) -> list[str]:
    """One line for the terminal: what puts the numbers in doubt beside equal pixels, which have a line of their own."""
    checks = results.data_checks
    if checks is None or checks.findings is None:
        return []
    rows = [row for row in check_findings(checks)[3:] if row.images and row.serious]
    if not rows:
        return []
    sentences = [effect_words(effect) for effect in _effects(results) if effect.removed != WRONG_LABELS]
    return [" ".join([f"data: {listed([_counted(row) for row in rows])}.", *sentences])]


def _facts(source: Source) -> Facts:
    checks = source.results.data_checks
    if checks is None or checks.findings is None:
        return {}
    rows = check_findings(checks)
    return {
        "check_findings": [row for row in rows if row.images],
        "checks_without_images": [row.name for row in rows if not row.images],
        "check_effects": _effects(source.results),
        "check_images": _number_of_images(checks.findings),
        "fault_words": FAULT_WORDS,
        "few_images": FEW_IMAGES,
        "wrong_labels": WRONG_LABELS,
    }


def _number_of_images(findings: Findings) -> int:
    pairs = findings.near_duplicates.pairs if findings.near_duplicates else ()
    suspects = findings.label_errors.suspects if findings.label_errors else ()
    return 2 * len(pairs) + len(suspects) + sum(len(fault.images) for fault in findings.outliers)


def _applies(source: Source, facts: Facts) -> bool:
    return source.results.data_checks is not None and source.results.data_checks.findings is not None


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return check_plain(results)


SECTION = Section(
    key="data-checks",
    title="Checks of the data",
    template="inspection/checks",
    results=("data_checks", "data_effects"),
    applies=_applies,
    file="data_checks",
    pictures=lambda source: named_pictures(source, "data_checks"),
    facts=_facts,
    words=_words,
    terminal=check_line,
    filters=(check_paragraphs, look_words),
)
