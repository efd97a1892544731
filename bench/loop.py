"""The promises of the loop, measured on this machine: `make bench`.

    .venv/bin/python bench/loop.py [--data FOLDER] [--json]

Prints the machine's matrix-multiply rate, then each promise with what was measured. Training is set against its floor:
the floating-point operations of its forward and backward passes (three times the forward's, counted by torch) over that
rate. Run it on a machine that does nothing else. Times are medians; see docs/benchmarks.md for a run of it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def seconds(work: Callable[[], object], times: int = 5, clock: Callable[[], float] = time.perf_counter) -> float:
    taken = []
    for _ in range(times):
        started = clock()
        work()
        taken.append(clock() - started)
    return statistics.median(taken)


def matmul_rate(clock: Callable[[], float] = time.perf_counter) -> float:
    """Floating-point operations a second of a float32 product of 1024 x 1024 matrices."""
    import torch

    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    a @ b
    return 2 * 1024**3 / seconds(lambda: a @ b, 30, clock)


def ironglass(*words: str, cwd: str, **environment: str) -> None:
    command = [sys.executable, "-m", "ironglass", *words]
    subprocess.run(command, check=True, capture_output=True, cwd=cwd, env=os.environ | environment)


def training(folder: str, spin: str) -> tuple[float, int]:
    """Seconds that `fit` took for the digits recipe, and its multiply-adds for one image."""
    output = f"{folder}/digits-{spin}"
    steps = 'steps=["train","evaluate"]'
    ironglass("run", "digits", "--set", steps, "--quiet", "--output", output, cwd=folder, GOMP_SPINCOUNT=spin)
    results = json.loads(Path(output, "results.json").read_text())
    return results["training"]["seconds"], results["model"]["multiply_adds"]


def measure(data: str | None) -> dict[str, float]:
    import torch

    import ironglass as ig
    from ironglass.recipes import RECIPES

    found: dict[str, float] = {"threads": torch.get_num_threads(), "matrix product, GFLOP/s": matmul_rate() / 1e9}
    with tempfile.TemporaryDirectory() as folder:
        found["ironglass --help, s (promise 0.5)"] = seconds(lambda: ironglass("--help", cwd=folder))
        epochs = RECIPES["digits"].stages[0].epochs
        images = len(ig.load_dataset("digits").train) * epochs
        for spin in ("20000", "0", "300000"):  # ours, none, and OpenMP's own where nothing is set
            taken, multiply_adds = training(folder, spin)
            found[f"digits, training, GOMP_SPINCOUNT {spin}, s (promise 20)"] = taken
        floor = images * multiply_adds * 2 * 3 / matmul_rate()
        found["digits, training, floor, s"] = floor
    if data:
        ig.load_dataset(data, size=64)
        found["second start of the data, s (promise 1)"] = seconds(lambda: ig.load_dataset(data, size=64))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a larger data set, for the second start")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    measured = measure(options.data)
    if options.json:
        print(json.dumps(measured, indent=1))
    else:
        for name, value in measured.items():
            print(f"{name:<60}{value:>10.3g}")
