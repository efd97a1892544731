"""What corruptions do, in sentences and in rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ironglass.report.kit.words import count, percent

SETS = {32: "CIFAR-10-C", 64: "Tiny ImageNet-C", 224: "ImageNet-C"}


def corruption_words(measured: dict[str, Any]) -> str:
    """The mean over corruptions beside the unchanged images, and which costs most and least, on average."""
    clean, entries = measured["clean"]["value"], measured["corruptions"]
    text = (
        f"Of {count(measured['n'])} images {percent(clean)} are named right as they are, and "
        f"{percent(measured['mean']['value'])} "
    )
    order = sorted(entries, key=lambda entry: entry["mean"]["value"])
    worst, mildest = order[0], order[-1]
    if worst is mildest:
        text += f"under {_inside(worst['label'])}, averaged over five severities"
        return f"{text}; at severity 5, {percent(worst['points'][-1]['accuracy']['value'])}."
    text += f"on average over {len(entries)} corruptions at five severities."
    hurts = _points(clean, worst["mean"]["value"])
    last = percent(worst["points"][-1]["accuracy"]["value"])
    text += f" {worst['label']} hurts most: it {hurts} on average and leaves {last} at severity 5."
    return f"{text} {mildest['label']} hurts least: it {_points(clean, mildest['mean']['value'])}."


def corruption_rows(measured: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a table that compares several runs: unchanged images, every corruption, the mean of all.

    measured: what stands under `corruptions` in the results of each run, by the run's name. A row holds `label`,
    `means` {run: accuracy averaged over the severities, with its interval, or None where the run has no such
    corruption} and `last` {run: rate at the highest severity, or None}. The row of all is there only where all runs
    measured the same corruptions: means over different ones are no comparison.
    """
    entries = {run: {entry["name"]: entry for entry in part["corruptions"]} for run, part in measured.items()}
    labels = {name: entry["label"] for found in entries.values() for name, entry in found.items()}
    clean = {run: part["clean"] for run, part in measured.items()}
    rows: list[dict[str, Any]] = [{"label": "unchanged images", "means": clean, "last": dict.fromkeys(measured)}]
    for name, label in labels.items():
        own = {run: found.get(name) for run, found in entries.items()}
        means = {run: entry and entry["mean"] for run, entry in own.items()}
        last = {run: entry and entry["points"][-1]["accuracy"] for run, entry in own.items()}
        rows.append({"label": label, "means": means, "last": last})
    if all(set(found) == set(labels) for found in entries.values()):
        means = {run: part["mean"] for run, part in measured.items()}
        rows.append({"label": "mean of all corruptions", "means": means, "last": dict.fromkeys(measured)})
    return rows


def _points(before: float, after: float) -> str:
    lost = 100 * (before - after)
    return f"{'costs' if lost >= 0 else 'brings'} {abs(lost):.1f} points"


def _inside(label: str) -> str:
    return label if label.isupper() else label[0].lower() + label[1:]
