"""The software and hardware that a run ran on."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import warnings
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ironglass.errors import InputError, Notice
from ironglass.run import Run

PACKAGES = ("ironglass", "torch", "torchvision", "timm", "numpy", "scikit-learn")


def environment(*, device: torch.device, seed: int, fingerprint: str) -> dict[str, Any]:
    """Contents of `environment.json`; no path of the machine, and nobody's name. The date is the day in UTC."""
    on_cuda = device.type == "cuda"
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "device": torch.cuda.get_device_name(device) if on_cuda else f"CPU ({platform.machine()})",
        "machine": _machine(),
        "threads": torch.get_num_threads(),
        "seed": seed,
        "commit": _commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "fingerprint": fingerprint,
    }


SITTING = {
    "versions": "versions",
    "device": "device",
    "machine": "machine",
    "threads": "threads",
    "commit": "commit of ironglass",
}
"""What may differ from sitting to sitting of one run, and what it is called."""


def write_environment(run: Run, now: dict[str, Any]) -> None:
    """Writes `environment.json`: where the run began, and under `resumed` every later sitting that differed from the
    one before it. What differs is said by a Notice, since the same bits are promised for one machine only."""
    try:
        first = run.read_object("environment.json")
    except InputError:  # of a run without checksums: it is made anew
        first = {}
    if not first:
        run.write("environment.json", now)
        return
    later = first.get("resumed")
    sittings = [first, *(one for one in (later if isinstance(later, list) else []) if isinstance(one, dict))]
    changed = _changed(sittings[-1], now)
    if changed:
        differences = ", ".join(changed)
        notice = Notice(
            f"{run.path} is resumed under other conditions than before ({differences}): sums may be rounded otherwise,"
            " so the bits may not be those of an unbroken run"
        )
        warnings.warn(notice, stacklevel=2)
        sitting = {key: now[key] for key in SITTING} | {"command": now["command"]}
        first = first | {"resumed": [*sittings[1:], sitting]}
        run.write("environment.json", first)


def _changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Differences, as "threads 1, now 2"; of the versions, those of the packages that differ."""
    old, new = (({} if not isinstance(one.get("versions"), dict) else one["versions"]) for one in (before, now))
    pairs = [(name, old[name], new.get(name)) for name in old if name in new]
    pairs += [(SITTING[key], before[key], now[key]) for key in SITTING if key != "versions" and key in before]
    return [f"{name} {was}, now {is_now}" for name, was, is_now in pairs if was != is_now]


def _machine() -> str:
    """A sign by which two machines are told apart, and that names neither: the processor, and a digest of the host."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    host = hashlib.blake2b(platform.node().encode(), digest_size=3).hexdigest()
    return f"{model} ({os.cpu_count()} cores, {host})"


def rank() -> int:
    """Which of the processes of one launch this is; 0 for the first, and for one that is alone."""
    return int(os.environ.get("RANK", "0"))


def _commit() -> str | None:
    """The commit of ironglass itself, where it runs from a checkout; "+" where files differ from it."""
    here = Path(__file__).parents[2]  # the whole package, not this room

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if not Path(git("rev-parse", "--show-toplevel"), "src", "ironglass", "__init__.py").is_file():
            return None
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
