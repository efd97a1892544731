"""What a run ran on."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("ironglass", "torch", "torchvision", "timm", "numpy", "scikit-learn")


def environment(*, device: torch.device, seed: int, fingerprint: str) -> dict[str, Any]:
    """What stands in `environment.json`; no path of the machine, and nobody's name."""
    on_cuda = device.type == "cuda"
    return {
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        "device": torch.cuda.get_device_name(device) if on_cuda else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "seed": seed,
        "commit": _commit(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "fingerprint": fingerprint,
    }


def rank() -> int:
    """Which of the processes of one launch this is; 0 for the first, and for one that is alone."""
    return int(os.environ.get("RANK", "0"))


def _commit() -> str | None:
    """The commit of ironglass itself, where it runs from a checkout; "+" where files differ from it."""
    here = Path(__file__).parents[1]  # the whole package, not this room

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        if not Path(git("rev-parse", "--show-toplevel"), "src", "ironglass", "__init__.py").is_file():
            return None
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
