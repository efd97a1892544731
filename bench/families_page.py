"""docs/families.md and its chart, from what bench/families.py kept: `python bench/families_page.py`.

Of a row that was measured more than once on a kind of machine, the table has the newest commit, and the chart all.
Why a row is below its figure is read from bench/results/reasons.json, by the row's name.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from families_ratio import medians, ratio

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
PAGE = ROOT / "docs/families.md"
CHART = ROOT / "docs/families.png"
REASONS = RESULTS / "reasons.json"

KINDS = {"attack": ("Attacks", 1.5), "explanation": ("Explanations", 2.0)}
"""Heading of a kind of row, and the geometric mean that its ratios are to reach."""

INTRODUCTION = """# Every family of networks, against every peer

Written by `python bench/families_page.py` from `bench/results/`; measured by

    OMP_NUM_THREADS=1 .venv-bench/bin/python bench/families.py

A ratio is the fastest peer's time divided by ours: above 1 we are faster. Contenders take turns within one process, on
one batch of real photographs and one network; medians are of processor time on one thread, of the clock on more.
Weights are random (seed 0) and eps is so small that every image stands to the end of every attack: nobody saves
anything by leaving early. *With evidence and verdict* is `ig.attack`, which checks its own result; no peer gives that.
"""


def kept() -> list[dict[str, Any]]:
    """Every row that was kept, oldest first, with what it was taken on."""
    files = [
        json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(RESULTS.glob("*.json"), key=lambda file: file.stem)
    ]
    runs = sorted((one for one in files if "rows" in one), key=lambda run: str(run.get("at", run["date"])))
    return [
        row | {key: run[key] for key in ("commit", "date", "processor", "versions", "load_before")}
        for run in runs
        for row in run["rows"]
    ]


def newest(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last of each row and number of threads, one method after the other."""
    last = {(row["row"], row["threads"]): row for row in rows}.values()
    return sorted(last, key=lambda row: (row["kind"], row["method"], row["family"], row["size"], -row["batch"]))


def _cells(row: dict[str, Any]) -> list[str]:
    ours, peers = medians(row)
    best = min(peers, key=lambda name: peers[name])
    found, target = ratio(row), row["target"]
    state = "" if not target else f"{target:g}" if found >= target else f"{target:g}: **missed**"
    judged = f"{ratio(row, 'ironglass, judged'):.2f}" if "ironglass, judged" in ours else ""
    shown = f"{found:.2f}" if found >= 1 else f"**{found:.2f}: slower**"
    cells = [row["row"], str(row["threads"]), f"{ours['ironglass']:.3g}", f"{best} {peers[best]:.3g}", shown, state]
    return [*cells, *([judged] if row["kind"] == "attack" else []), _memory(row), str(row["commit"])]


def _memory(row: dict[str, Any]) -> str:
    """Our peak over the least of the peers', each in a process of its own, where both were measured."""
    peaks = row.get("peaks_mib") or {}
    peers = [peak for name, peak in peaks.items() if not name.startswith("ironglass")]
    return f"{peaks['ironglass'] / min(peers):.2f}" if peers and "ironglass" in peaks else ""


def table(kind: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Heading, table, mean and reasons of a kind of row."""
    title, aim = KINDS.get(kind, (kind.capitalize(), None))
    yield f"\n## {title}\n"
    judged = ["with evidence and verdict"] if kind == "attack" else []
    heads = ["row", "threads", "ours, s", "fastest peer, s", "ratio", "to reach", *judged, "memory", "commit"]
    yield f"| {' | '.join(heads)} |"
    yield f"| --- | --: | --: | --- | --: | --: |{' --: |' * len(judged)} --: | --- |"
    for row in rows:
        yield f"| {' | '.join(_cells(row))} |"
    ratios = [found for row in rows if math.isfinite(found := ratio(row))]
    slower = sum(found < 1 for found in ratios)
    mean = statistics.geometric_mean(ratios)
    wanted = f", to reach {aim:g}" if aim else ""
    yield f"\nGeometric mean of {len(ratios)} ratios: **{mean:.2f}**{wanted}. Slower than a peer: {slower}."
    reasons = json.loads(REASONS.read_text(encoding="utf-8")) if REASONS.exists() else {}
    below = [row for row in rows if ratio(row) < (row["target"] or 1)]
    if below:
        yield "\nBelow its figure:\n"
    for row in below:
        yield f"- {_name(row)}: {reasons.get(row['row'], 'no reason was measured.')}"


def _name(row: dict[str, Any]) -> str:
    return row["row"] if row["threads"] == 1 else f"{row['row']}, {row['threads']} threads"


def page(rows: list[dict[str, Any]]) -> str:
    """The page, Markdown."""
    last = newest(rows)
    parts = [INTRODUCTION, "![Ratios of every row, by commit](families.png)"]
    for kind in dict.fromkeys([*KINDS, *(row["kind"] for row in last)]):
        if of_kind := [row for row in last if row["kind"] == kind and math.isfinite(ratio(row))]:
            parts += table(kind, of_kind)
    unmeasured = [row["row"] for row in last if not math.isfinite(ratio(row))]
    if unmeasured:
        parts.append(f"\nNo peer ran: {'; '.join(unmeasured)}.")
    machines = sorted(
        {
            f"{row['processor']} ({row['date']}, load {row['load_before']:g}, torch {row['versions']['torch']})"
            for row in last
        }
    )
    versions = {f"{name} {version}" for row in last for name, version in row["versions"].items() if name != "torch"}
    parts.append(f"\nTaken on: {'; '.join(machines)}. Peers: {', '.join(sorted(versions))}.")
    return "\n".join(parts) + "\n"


def draw(rows: list[dict[str, Any]]) -> None:
    """A row a line, a mark a commit: the newest full, older ones faint."""
    from matplotlib import pyplot

    last = [row for row in newest(rows) if math.isfinite(ratio(row))]
    last.sort(key=lambda row: (row["kind"], ratio(row)))
    figure, axes = pyplot.subplots(figsize=(9, 0.26 * len(last) + 1.1), layout="constrained")
    for height, row in enumerate(last):
        same = [one for one in rows if (one["row"], one["threads"]) == (row["row"], row["threads"])]
        for age, one in enumerate(reversed(same)):
            colour = "#1f6f8b" if row["kind"] == "attack" else "#b3541e"
            axes.plot(
                ratio(one), height, "o", color=colour, alpha=1 if age == 0 else 0.25, markersize=6, zorder=3 - age
            )
        if row["target"]:
            axes.plot(row["target"], height, "|", color="#444444", markersize=11, markeredgewidth=1.6)
    axes.axvline(1, color="#444444", linewidth=0.8)
    axes.set_xscale("log")
    ticks = [one for one in (0.5, 0.7, 1, 1.4, 2, 3, 5, 10, 20) if 0.4 < one < 1.2 * max(ratio(row) for row in last)]
    axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(last)), [_name(row) for row in last], fontsize=8)
    axes.set_ylim(-0.7, len(last) - 0.3)
    axes.grid(axis="x", linewidth=0.4)
    axes.set_xlabel("fastest peer's time ÷ ours (full: newest commit, faint: before, bar: to reach)", fontsize=9)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.savefig(CHART, dpi=150)


if __name__ == "__main__":
    everything = kept()
    PAGE.write_text(page(everything), encoding="utf-8")
    draw(everything)
