"""Our explanations against every peer's: same network, images, targets and settings, in turn, in one process.

    make bench
    .venv-bench/bin/python bench/explain.py [--job NAME ...] [--data FOLDER] [--repeats N] [--quick]

Prints Markdown. Rounds and medians are those of bench/attacks.py; of Captum's occlusion, which can be set in several
ways, all run in the first round, and what is slower than SIBLING times the fastest sits out the others. Ours is set
against the fastest. Networks have random weights (seed 0) and batch-norm statistics of real images: speed and agreement
are measured here, not what the maps mean. Agreement is the largest difference between two maps, as a share of the
largest value of the peer's; the median over images and layers, and the worst.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from contest import Contender, contest
from explain_jobs import JOBS, NETWORKS, Case, Job, network_of, ours
from explain_peers import Peer, peers_of
from jobs import Plain
from loop import matmul_rate
from table import heading
from torch import Tensor

import ironglass as ig

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data/imagenet_samples"
PACKAGES = ("torch", "torchvision", "numpy", "captum", "grad-cam")
SIBLING = 1.15
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
CLOSE = 1e-4
COLUMNS = ("", "s an image", "slowest ÷ fastest", "our speed ÷ its", "bar", "farthest map, median", "worst", "GFLOP")
COLUMNS += ("of matrix product",)


def case_of(job: Job, data: str, cache: dict[str, ig.Classifier]) -> Case:
    images, _ = ig.load_dataset(data, size=NETWORKS[job.network][1]).test[:32]
    images = images.contiguous()
    if job.network not in cache:
        cache[job.network] = network_of(job.network, images)
    classifier = cache[job.network]
    some = images[: job.images]
    with torch.no_grad():
        targets = classifier(some).argmax(1)
    return Case(classifier, Plain(classifier), some, targets, job.settings)


def distances(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """Of each image and layer: the largest difference, as a share of the peer's largest value."""
    found = []
    for one, other in zip(ours, theirs, strict=True):
        scale = other.flatten(1).abs().amax(1)
        found.append((one.reshape(other.shape) - other).flatten(1).abs().amax(1) / scale.clamp_min(1e-30))
    return torch.cat(found)


def line(contender: Contender, us: Contender, job: Job, case: Case, peer: Peer | None, rate: float) -> dict:
    """What the table says of a contender."""
    if contender.error:
        return {"name": contender.name, "error": contender.error}
    seconds = statistics.median(contender.seconds)
    row: dict = {
        "name": contender.name,
        "seconds": seconds / len(case.images),
        "spread": max(contender.seconds) / min(contender.seconds),
        "rounds": len(contender.seconds),
    }
    if contender.flops:
        row |= {"flops": contender.flops / len(case.images), "share": contender.flops / seconds / rate}
    if peer is not None and not us.error:
        row["ratio"] = seconds / statistics.median(us.seconds)
        row["bar"] = job.bars.get(contender.name.partition(",")[0])
        if peer.same:
            apart = distances(peer.like(us.outputs, case), contender.outputs)
            row |= {"median": float(apart.median()), "worst": float(apart.max())}
    return row


def table(title: str, rows: list[dict]) -> str:
    us, *peers = rows
    lines = [
        f"\n### {title}",
        "",
        f"| {' | '.join(COLUMNS)} | |",
        "| --- |" + " ---: |" * (len(COLUMNS) - 1) + " --- |",
    ]
    peers.sort(key=lambda row: row.get("seconds", float("inf")))
    fastest = {row["name"].partition(",")[0]: row["name"] for row in reversed(peers) if "seconds" in row}
    for row in (us, *peers):
        if "error" in row:
            lines.append(f"| {row['name']} |" + " |" * (len(COLUMNS) - 1) + f" did not run: {row['error']} |")
            continue
        best = fastest.get(row["name"].partition(",")[0]) == row["name"]
        verdict = []
        if best and row.get("bar"):
            verdict.append("**reached**" if row["ratio"] >= row["bar"] else "**MISSED**")
        if "worst" in row and not row["worst"] <= CLOSE:
            verdict.append(f"farther than {CLOSE:g}")
        if row is not us and "worst" not in row:
            verdict.append("answers another question")
        cells = [row["name"], f"{row['seconds']:.4g}", f"{row['spread']:.2f} ({row['rounds']})"]
        cells += [f"{row['ratio']:.2f}" if "ratio" in row else "", f"{row['bar']:g}" if best and row.get("bar") else ""]
        cells += [f"{row[key]:.1e}" if key in row else "" for key in ("median", "worst")]
        cells += [
            f"{row['flops'] / 1e9:.4g}" if "flops" in row else "",
            f"{row['share']:.0%}" if "share" in row else "",
        ]
        lines.append(f"| {' | '.join(cells)} | {'; '.join(verdict)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", nargs="+", choices=JOBS, default=list(JOBS), metavar="NAME", help=", ".join(JOBS))
    parser.add_argument("--data", default=str(DATA), help="at least 32 photographs")
    parser.add_argument("--repeats", type=int, help="rounds; else the job's own number, 1 to 5")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="processor: of this process alone, where others share the machine",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure, too")
    parser.add_argument("--quick", action="store_true", help="does everything run? At most 2 images, one round")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")  # Captum's, of hooks and gradients that it sets
    torch.set_num_threads(asked.threads)
    print(heading(asked.threads, PACKAGES), flush=True)
    classifiers: dict[str, ig.Classifier] = {}
    kept = []
    for name in asked.job:
        job = JOBS[name]
        if asked.quick:
            job = replace(job, images=min(2, job.images), repeats=1)
        with redirect_stdout(sys.stderr):
            case = case_of(job, asked.data, classifiers)
        peers = peers_of(job.method, job.network, batched="batch" not in job.settings)
        if asked.quick and job.method == "occlusion":
            peers = dict([list(peers.items())[-1]])
        builders = {"ironglass": partial(ours, job, case)}
        builders |= {who: partial(peer.build, case) for who, peer in peers.items()}
        ours(job, replace(case, images=case.images[:1], targets=case.targets[:1]))()  # finds, once, what can be folded
        rate = matmul_rate(CLOCKS[asked.clock])
        found = contest(
            builders,
            asked.repeats or job.repeats,
            counted=job.counted,
            sibling=SIBLING if job.method == "occlusion" else float("inf"),
            clock=CLOCKS[asked.clock],
        )
        rows = [line(contender, found[0], job, case, peers.get(contender.name), rate) for contender in found]
        words = f"{job.title} (matrix product {rate / 1e9:.3g} GFLOP/s)"
        print(table(words, rows), flush=True)
        kept.append({"job": name, "rate": rate, "contenders": rows})
        if asked.json:
            asked.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
