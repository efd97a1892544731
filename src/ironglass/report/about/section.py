"""The sections on data and model, and on how a run was made and how its numbers are read."""

from __future__ import annotations

import json
from typing import Any

from ironglass.report.about.checks import check_lines, check_words, group_words, other_notes
from ironglass.report.about.files import run_files
from ironglass.report.about.unmeasured import unmeasured
from ironglass.report.kit.section import Facts, Section, Source
from ironglass.run import read_text


def pretty(value: Any) -> str:
    """JSON for a reader."""
    return json.dumps(value, indent=1, ensure_ascii=False)


def _summary(source: Source) -> Facts:
    return {"summary": read_text(source.run.path / "model_summary.txt") or ""}


def shares_pixels(source: Source) -> bool:
    """Tells whether images of two splits have the same pixels, by the notes of `data.json`, checks or an inspection."""
    notes: list[Any] = source.data.get("notes") or []
    inspection = source.results.inspection
    leaks = inspection is not None and any(group.across for group in inspection.duplicates)
    checks = source.results.data_checks
    if checks is not None:
        return leaks or checks.across > 0
    return leaks or any("have the very pixels of images of" in str(note) for note in notes)


def _data_facts(source: Source) -> Facts:
    notes: list[Any] = source.data.get("notes") or []
    return {
        "shared_pixels": shares_pixels(source),
        "data_notes": other_notes([*map(str, notes)], source.results.data_checks),
    }


DATA = Section(
    key="data",
    title="Data",
    template="about/data",
    applies=lambda source, facts: bool(source.data),
    results=("leak_effect",),
    facts=_data_facts,
    terminal=check_lines,
    filters=(check_words, group_words),
)

MODEL = Section(
    key="model",
    title="Model",
    template="about/model",
    results=("model",),
    applies=lambda source, facts: source.results.model is not None or bool(facts["summary"]),
    facts=_summary,
    terminal=lambda results: [f"model: {remark}" for remark in (results.model.remarks if results.model else ())],
)

MAKING = Section(
    key="making",
    title="Provenance and limits",
    template="about/making",
    applies=lambda source, facts: True,
    facts=lambda source: {"unmeasured": unmeasured(source.results), "files": run_files(source.run.path)},
    filters=(pretty,),
)
