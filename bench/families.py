"""Our attacks and explanations against every peer's, on every family of networks, contenders in turn.

    .venv-bench/bin/python bench/families.py [--row WORD ...] [--rounds N] [--threads N] [--json FILE]

Prints Markdown and writes JSON (bench/results/MACHINE-COMMIT.json by default). A row is a process of its own, for its
peak of memory; contenders take turns as in bench/contest.py. Times are medians over rounds, of processor time on one
thread and by the clock on more; ours is set against the fastest peer. Images are real; networks have random weights
(seed 0), and eps is so small that nearly every image stands to the end of every attack.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import platform
import resource
import statistics
import subprocess
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import families_explain
import families_rows
from contest import Work
from families_ratio import medians, ratio
from families_rows import Row

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data/imagenet_samples"
RESULTS = ROOT / "bench/results"
ROWS = (*families_rows.ROWS, *families_explain.ROWS)
PACKAGES = (
    *("torch", "timm", "torchattacks", "foolbox", "adv-lib", "captum", "grad-cam"),
    *("torchcam", "quantus", "imagecorruptions"),
)
CLOCKS = {"processor": time.process_time, "wall": time.perf_counter}


def builders_of(row: Row, data: str) -> dict[str, Callable[[], Work]]:
    """How each contender of a row is built, by name, for the first images of `data`."""
    import ironglass as ig

    images, _ = ig.load_dataset(data, size=row.size).test[: row.batch]
    module = families_explain if row in families_explain.ROWS else families_rows
    return module.contenders(row, images.contiguous())


def peak_of(row: Row, data: str, threads: int, name: str) -> float:
    """Largest resident memory of a process that runs one contender once, MiB."""
    import torch

    warnings.filterwarnings("ignore")
    torch.set_num_threads(threads)
    builders_of(row, data)[name]()()
    return _peak()


def measured(row: Row, data: str, rounds: int, threads: int, clock: str) -> dict[str, Any]:
    """Every contender's times, the floor and the peak of memory of a row."""
    import torch
    from contest import contest
    from loop import matmul_rate

    warnings.filterwarnings("ignore")
    torch.set_num_threads(threads)
    builders = builders_of(row, data)
    before = _peak()
    first = dict([next(iter(builders.items()))])
    contest(first, 1, counted=False)  # finds, once a network, what can be folded
    ours_peak = _peak() - before
    rate = matmul_rate(CLOCKS[clock])
    field = contest(builders, rounds, counted=False, clock=CLOCKS[clock])
    times = {one.name: one.seconds for one in field}
    errors = {one.name: one.error for one in field if one.error}
    return {
        "row": row.name,
        "kind": row.kind,
        "method": row.method,
        "family": row.family,
        "size": row.size,
        "batch": row.batch,
        "target": row.target,
        "threads": threads,
        "clock": clock,
        "matmul_gflops": round(rate / 1e9, 1),
        "peak_of_ours_mib": round(ours_peak),
        "peak_of_all_mib": round(_peak() - before),
        "seconds": {name: [round(one, 5) for one in taken] for name, taken in times.items() if taken},
        "errors": errors,
    }


def _peak() -> float:
    """Largest resident memory so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def line(row: dict[str, Any]) -> str:
    ours, peers = medians(row)
    best = min(peers, key=lambda name: peers[name]) if peers else "none ran"
    target = f"{row['target']:g}" if row["target"] else ""
    judged = f"{ratio(row, 'ironglass, judged'):.2f}" if "ironglass, judged" in ours else ""
    cells = [row["row"], str(row["threads"]), f"{ours.get('ironglass', math.nan):.3g}", best]
    cells += [f"{peers[best]:.3g}" if peers else "", f"**{ratio(row):.2f}**", judged, target]
    return f"| {' | '.join(cells)} |"


HEADING = """
| row | threads | ours, s | fastest peer | its s | its time ÷ ours | with evidence and verdict | target |
| --- | --: | --: | --- | --: | --: | --: | --: |"""


def geometric_means(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Of the ratios of each kind of row that ran."""
    by_kind: dict[str, list[float]] = {}
    for row in rows:
        if math.isfinite(found := ratio(row)):
            by_kind.setdefault(row["kind"], []).append(found)
    return {kind: statistics.geometric_mean(found) for kind, found in by_kind.items()}


def machine() -> dict[str, Any]:
    """What the times were taken on."""
    cpu = Path("/proc/cpuinfo").read_text().splitlines()
    names = [one.partition(":")[2].strip() for one in cpu if one.startswith("model name")]
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, cwd=ROOT).stdout.strip()
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M}",
        "commit": commit,
        "processor": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--row", nargs="+", default=[""], metavar="WORD", help="rows whose name holds one of these")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clock", choices=CLOCKS, help="else processor on one thread, wall on more")
    parser.add_argument("--data", default=str(DATA), help="at least 64 photographs")
    parser.add_argument("--memory", action="store_true", help="each contender's peak, too, in a process of its own")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    clock = asked.clock or ("processor" if asked.threads == 1 else "wall")
    about = machine()
    print(about, HEADING, sep="\n", flush=True)
    rows: list[dict[str, Any]] = []
    file = asked.json or RESULTS / f"{about['processor'].lower().replace(' ', '-')}-{about['commit']}.json"
    for row in ROWS:
        if not any(word in row.name for word in asked.row):
            continue
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measured, (row, asked.data, asked.rounds, asked.threads, clock)))
        if asked.memory:
            rows[-1]["peaks_mib"] = peaks = {}
            for name in rows[-1]["seconds"]:
                with multiprocessing.get_context("spawn").Pool(1) as pool:
                    peaks[name] = round(pool.apply(peak_of, (row, asked.data, asked.threads, name)))
        print(line(rows[-1]), flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(about | {"rows": rows}, indent=1) + "\n", encoding="utf-8")
    for kind, mean in geometric_means(rows).items():
        print(f"\nGeometric mean of {kind} rows: {mean:.2f}")


if __name__ == "__main__":
    main()
