"""Corrupted images under every arm, in rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ironglass.results.evaluation import Corruptions
from ironglass.results.numbers import Mean, Rate


@dataclass(frozen=True)
class ComparedRow:
    """One corruption under several networks, by their names.

    label: for people.
    means: accuracy over the severities; None where the network was not measured under it.
    last: accuracy at the highest severity; None where there is none.
    """

    label: str
    means: Mapping[str, Mean | None]
    last: Mapping[str, Rate | None]


def corruption_rows(measured: Mapping[str, Corruptions]) -> list[ComparedRow]:
    """The rows of a table that compares several runs: unchanged images, every corruption, the mean of all.

    measured: `corruptions` in the results of each run, by the run's name. The row of all is there only where all runs
    measured the same corruptions: means over different ones are no comparison.
    """
    entries = {run: {entry.name: entry for entry in part.corruptions} for run, part in measured.items()}
    labels = {name: entry.label for run_entries in entries.values() for name, entry in run_entries.items()}
    no_entry = dict.fromkeys(measured)
    rows = [ComparedRow("unchanged images", {run: part.clean for run, part in measured.items()}, no_entry)]
    for name, label in labels.items():
        by_run = {run: run_entries.get(name) for run, run_entries in entries.items()}
        means = {run: entry.mean if entry else None for run, entry in by_run.items()}
        last = {run: entry.points[-1].accuracy if entry else None for run, entry in by_run.items()}
        rows.append(ComparedRow(label, means, last))
    if all(set(run_entries) == set(labels) for run_entries in entries.values()):
        rows.append(
            ComparedRow("mean of all corruptions", {run: part.mean for run, part in measured.items()}, no_entry)
        )
    return rows
