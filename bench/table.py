"""The attack bench's report: what the times were taken on, and a Markdown table a job."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from ironglass.measure.statistics import mcnemar

PACKAGES = ("torch", "numpy", "timm", "torchattacks", "foolbox", "adversarial-robustness-toolbox", "pyautoattack")
FARTHER = 1.02
COLUMNS = ("", "s", "slowest ÷ fastest", "images/s", "our speed ÷ its", "robust accuracy")
COLUMNS += ("fooled by us only / by it only", "median L2", "GFLOP", "of matrix product")


@dataclass
class Row:
    """One contender. right: which of the images it gave back are read right. distance: L2, of the images that are read
    right unattacked, infinite where not fooled. leaves: by how much it left the ball or [0, 1]."""

    name: str
    error: str = ""
    seconds: float = np.nan
    spread: float = np.nan
    images_per_second: float = np.nan
    right: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    distance: np.ndarray | None = None
    leaves: float = 0.0
    flops: int | None = None
    share: float | None = None


def heading(threads: int, packages: tuple[str, ...] = (*PACKAGES, "adv-lib")) -> str:
    def installed(name: str) -> str:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            return f"{name} is not installed"

    cpu = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, cwd=Path(__file__).parent).stdout.strip()
    return "\n".join(
        (
            f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, ironglass at {commit or 'no commit'}",
            f"- {models[0] if models else platform.processor()}, {os.cpu_count()} cores, {threads} of them used;"
            f" load before the start {os.getloadavg()[0]:.2f}",
            f"- Python {platform.python_version()}, {', '.join(installed(name) for name in packages)}",
            f"- `{Path(sys.executable).parent.parent.name}/bin/python {shlex.join(sys.argv)}`",
        )
    )


def table(title: str, floor: str, rows: list[Row]) -> str:
    """The contenders of one job, ours first, then the peers by speed, then those that failed."""
    us, *peers = rows
    minimal = any(row.distance is not None for row in rows)
    peers.sort(key=lambda row: (bool(row.error), row.seconds))
    shown = [name for name in COLUMNS if minimal or name != "median L2"] + ["notes"]
    lines = [
        f"\n### {title}",
        "",
        f"{floor}.",
        "",
        f"| {' | '.join(shown)} |",
        "| --- |" + " ---: |" * (len(shown) - 2),
    ]
    lines[-1] += " --- |"
    ran = [row for row in peers if not row.error]
    for row in (us, *peers):
        if row.error:
            lines.append(f"| {row.name} |" + " |" * (len(shown) - 2) + f" did not run: {row.error} |")
            continue
        if row is us:
            speed = f"**{ran[0].seconds / us.seconds:.2f}** (best peer)" if ran else "no peer ran"
        else:
            speed = "" if us.error else f"{row.seconds / us.seconds:.2f}"
        cells = [row.name, f"{row.seconds:.3g}", f"{row.spread:.2f}", f"{row.images_per_second:.3g}", speed]
        cells += [f"{row.right.mean():.1%}", "" if row is us or us.error else split(us, row)]
        if row.distance is not None:
            cells.append(f"{np.median(row.distance):.4g}")
        cells += [
            "" if row.flops is None else f"{row.flops / 1e9:.4g}",
            "" if row.share is None else f"{row.share:.0%}",
        ]
        lines.append(f"| {' | '.join(cells)} | {'; '.join(notes(row, us, ran))} |")
    return "\n".join(lines)


def split(us: Row, peer: Row) -> str:
    return f"{int((~us.right & peer.right).sum())} / {int((us.right & ~peer.right).sum())}"


def notes(row: Row, us: Row, peers: list[Row]) -> list[str]:
    """Where a contender is weaker than ours, or ours than a peer's, beyond chance; and where it breaks the rules."""
    found = [f"leaves the ball or [0, 1] by {row.leaves:.2g}"] if row.leaves else []
    if us.error:
        return found
    if row is us:
        return [f"**weaker than {peer.name}**{why}" for peer in peers for why in weaker(us, peer)] + found
    return [f"weaker than ours{why}" for why in weaker(row, us)] + found


def weaker(one: Row, other: Row) -> list[str]:
    """Fools fewer, by McNemar's test at 5 %; or by larger changes, by the median ratio of images that both fool."""
    found = []
    counts = mcnemar(one.right, other.right)
    if counts["p"] < 0.05 and counts["only_first"] > counts["only_second"]:
        found.append(f" (p = {counts['p']:.2g})")
    if one.distance is not None and other.distance is not None:
        both = np.isfinite(one.distance) & np.isfinite(other.distance) & (other.distance > 0)
        ratio = float(np.median(one.distance[both] / other.distance[both])) if both.any() else 1.0
        if ratio > FARTHER:
            found.append(f" (its changes are {ratio:.2f} times as large)")
    return found
