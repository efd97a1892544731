"""What hardening costs: an epoch of an objective against a plain one, side by side.

    .venv/bin/python bench/harden.py [NAME ...] [--images 2048] [--rounds 5] [--network simple-cnn] [--size 32]

Trains by `fit`, one epoch at a time, on random bytes, which cost what photographs do: a plain epoch, then one of each
objective, and so on in turn, since a machine is not equally fast all the time. Prints the median over the rounds of
each epoch's time over that round's plain one, its extremes, and the bar where there is one. One thread; run it on a
machine that does nothing else. `free` is left out: its epoch is `replays` epochs in one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch

import ironglass as ig
from ironglass.data.dataset import Dataset, Split
from ironglass.harden import OBJECTIVES
from ironglass.train.objective import CrossEntropy

BARS = {"n-fgsm": 2.1, "adversarial-regularisation": 2.2}
CLASSES = 20


def random_bytes(images: int, size: int) -> Dataset:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (images, size, size, 3), dtype=np.uint8)
    split = Split(pixels, random.integers(0, CLASSES, images), tuple(str(number) for number in range(images)))
    return Dataset("random bytes", {"train": split}, tuple(f"class {number}" for number in range(CLASSES)), "random")


def epoch_seconds(dataset: Dataset, network: str, size: int, objective: object) -> float:
    classifier = ig.load_classifier(network, classes=dataset.classes, size=size, seed=0)
    stage = ig.Stage(epochs=1, peak_lr=0.01, objective=objective)
    with tempfile.TemporaryDirectory() as folder:
        run = ig.fit(classifier, dataset, ig.Recipe(stages=(stage,)), Path(folder, "run"))
        return run.history[0]["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join(OBJECTIVES)}; those with a bar if none"
    )
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--network", default="simple-cnn")
    parser.add_argument("--size", type=int, default=32)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    dataset = random_bytes(asked.images, asked.size)
    objectives = {"plain": CrossEntropy()} | {name: OBJECTIVES[name] for name in asked.names or BARS}
    taken: dict[str, list[float]] = {name: [] for name in objectives}
    for number in range(asked.rounds + 1):
        for name, objective in objectives.items():
            seconds = epoch_seconds(dataset, asked.network, asked.size, objective)
            if number:  # the first warms up
                taken[name].append(seconds)
    for name, times in taken.items():
        ratios = [one / plain for one, plain in zip(times, taken["plain"], strict=True)]
        bar = f", bar {BARS[name]}" if name in BARS else ""
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name:<28}{statistics.median(times):>8.2f} s{statistics.median(ratios):>7.2f} x ({spread}{bar})")


if __name__ == "__main__":
    main()
