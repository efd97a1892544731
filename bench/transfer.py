"""What computing held layers once saves: the frozen epochs of transplanted networks, with and without, side by side.

    .venv/bin/python bench/transfer.py [--images 1024] [--epochs 4] [--rounds 3] [--network timm/mobilenetv2_050]

Trains by `fit` on random bytes, which cost what photographs do: at each number of blocks, so many epochs that hold them
as `transfer-defence` does (what they answer computed once), the same with the whole way taken in every epoch, and the
same with nothing held, in turn, since a machine is not equally fast all the time. Prints the medians over the rounds of
the seconds a run takes, setting up included, and their ratios. One thread; run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import torch

import ironglass as ig
from harden import random_bytes
from ironglass.data.dataset import Dataset
from ironglass.models.structure.blocks import blocks_of

DEPTHS = (4, 8, 12, 17)


def seconds(dataset: Dataset, network: str, size: int, epochs: int, blocks: int, *, reused: bool = True) -> float:
    classifier = ig.load_classifier(network, classes=dataset.classes, size=size, seed=0)
    stage = ig.Stage(epochs=epochs, peak_lr=0.01, trainable_from=blocks_of(classifier).next_layer(blocks))
    # without an answer, training takes the whole way
    without = patch("ironglass.train.loop.loop.frozen_prefix", lambda *_: None)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        if reused:
            ig.fit(classifier, dataset, ig.Recipe(stages=(stage,)), Path(folder, "run"))
        else:
            with without:
                ig.fit(classifier, dataset, ig.Recipe(stages=(stage,)), Path(folder, "run"))
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", default="timm/mobilenetv2_050")
    parser.add_argument("--size", type=int, default=64)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    dataset = random_bytes(asked.images, asked.size)
    given = (dataset, asked.network, asked.size, asked.epochs)
    seconds(random_bytes(128, asked.size), asked.network, asked.size, 1, 4)  # what is loaded late
    whole: list[float] = []
    taken: dict[int, list[tuple[float, float]]] = {n: [] for n in DEPTHS}
    for _ in range(asked.rounds):
        whole.append(seconds(*given, 0))
        for n in DEPTHS:
            taken[n].append((seconds(*given, n), seconds(*given, n, reused=False)))
    full = statistics.median(whole)
    print(f"{asked.epochs} epochs of {asked.images:,} images; nothing held: {full:.1f} s")
    print("blocks held | computed once, s | every epoch, s | once / every epoch | once / nothing held")
    for n, pairs in taken.items():
        once, every = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{n:11} | {once:16.1f} | {every:14.1f} | {once / every:18.2f} | {once / full:18.2f}")


if __name__ == "__main__":
    main()
