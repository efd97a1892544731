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
    labels = {name: entry.label for found in entries.values() for name, entry in found.items()}
    nothing = dict.fromkeys(measured)
    rows = [ComparedRow("unchanged images", {run: part.clean for run, part in measured.items()}, nothing)]
    for name, label in labels.items():
        own = {run: found.get(name) for run, found in entries.items()}
        means = {run: entry.mean if entry else None for run, entry in own.items()}
        last = {run: entry.points[-1].accuracy if entry else None for run, entry in own.items()}
        rows.append(ComparedRow(label, means, last))
    if all(set(found) == set(labels) for found in entries.values()):
        rows.append(ComparedRow("mean of all corruptions", {run: part.mean for run, part in measured.items()}, nothing))
    return rows
