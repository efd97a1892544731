"""Runs compared as Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ironglass.report.kit.words import interval, magnitude, p_value, percent, verdict_word
from ironglass.report.runs_compared.words import (
    compared_words,
    condition_words,
    constant_cautions,
    counts_words,
    difference_words,
    mean_words,
    outcome,
    pair_words,
    shown_conditions,
    signed_mean,
    threshold_words,
)  # fmt: skip
from ironglass.results.runs_compared import ConditionCompared, RunPair, RunsCompared

PAIRS = 30
"""Rows of the table of pairs, at most."""


def markdown(compared: RunsCompared) -> str:
    """The comparison as GitHub draws it: accuracies, tested differences, thresholds."""
    columns = shown_conditions(compared)
    head = ["run", *(f"{condition_words(one)} (n = {one.n:,})" for one in columns), "parameters"]
    rows = [
        [
            f"{run.name}{' (baseline)' if run.name == compared.baseline else ''}",
            *(_cell(one, run.name) for one in columns),
            "–" if run.parameters is None else magnitude(run.parameters),
        ]
        for run in compared.runs
    ]
    parts = [
        f"### Runs compared on {compared.split} images",
        *(f"**{_plain(line)}**" for line in constant_cautions(compared) if line),
        *map(_plain, compared_words(compared)),
        _table(head, rows),
    ]
    pairs = [_pair_row(one, pair) for one in columns for pair in one.pairs]
    if pairs:
        head = ["condition", "pair", "points (95 %)", "right alone", "p", "outcome"]
        parts.append(_table(head, pairs[:PAIRS]))
        if len(pairs) > PAIRS:
            parts.append(f"and {len(pairs) - PAIRS} more pairs in the report")
    parts += _calibration(compared)
    parts += [
        f"- **{'missed' if one.missed else 'met'}** {_plain(threshold_words(one))}" for one in compared.thresholds
    ]
    parts += [f"> {_plain(remark)}" for remark in compared.remarks]
    return "\n\n".join(parts) + "\n"


def _calibration(compared: RunsCompared) -> list[str]:
    """The tables of calibration, where it was recorded."""
    rows = [
        [run.name, mean_words(run.calibration.ece), mean_words(run.calibration.brier)]
        for run in compared.runs
        if run.calibration
    ]
    rows += [[pair_words(one), signed_mean(one.ece), signed_mean(one.brier)] for one in compared.calibration[:PAIRS]]
    return [_table(["run", "ECE (95 %)", "Brier score (95 %)"], rows)] if rows else []


def _pair_row(one: ConditionCompared, pair: RunPair) -> list[str]:
    p = p_value(pair.test.p).removeprefix("= ")
    return [condition_words(one), pair_words(pair), difference_words(pair), counts_words(pair), p, outcome(pair)]


def _cell(one: ConditionCompared, run: str) -> str:
    rate = one.rates.get(run)
    if rate is None:
        return "–"
    verdict = "" if one.norm is None else f", {verdict_word(one.verdicts.get(run))}"
    return f"{percent(rate.value)} ({interval(rate)}{verdict})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_plain, line)) + " |" for line in lines)


def _plain(text: str) -> str:
    """Text of anybody's as one line that Markdown and HTML read as text."""
    line = re.sub(r"[ \t\r\n]+", " ", text).replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for mark in "|*_`[]#":
        line = line.replace(mark, f"\\{mark}")
    return line
