"""Training of `cats-dogs` at 64 px against a plain loop: two DataLoader workers, torchvision's transforms, SGD.

    OMP_NUM_THREADS=1 .venv/bin/python bench/training.py [--images N] [--epochs N] [--rounds N] [--data FOLDER]

Same network, images, batches, changes of the images and steps; each round trains both, in turn. Seconds are of the
processor, the workers' included, and of the clock: on a machine with other work the first alone can be compared. The
plain loop decodes its JPEGs in every epoch, as such loops do; ours reads its cache, whose making is not timed.
"""

from __future__ import annotations

import argparse
import io
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms

import ironglass as ig
from ironglass.data.dataset import Dataset
from ironglass.recipes import RECIPES

DATA = Path(__file__).resolve().parent.parent.parent / "shared/data/cats_vs_dogs"
SIZE, BATCH = 64, 64


class Photographs(TorchDataset):
    """JPEGs as stored, decoded and changed when they are asked for."""

    def __init__(self, folder: Path, n: int) -> None:
        table = parquet.read_table(next(folder.glob("train-*.parquet"))).slice(0, n)
        self.files = [one["bytes"] for one in table["image"].to_pylist()]
        self.labels = table["labels"].to_pylist()
        self.change = transforms.Compose([
            transforms.Resize((SIZE, SIZE)),
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(SIZE, padding=8, padding_mode="reflect"),
            transforms.RandomAffine(15, scale=(0.75, 1.25)),
            transforms.ColorJitter(0.2, 0.2, 0.2),
            transforms.ToTensor(),
            transforms.RandomErasing(0.1),
            transforms.Normalize((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        ])  # fmt: skip

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.change(Image.open(io.BytesIO(self.files[index])).convert("RGB")), self.labels[index]


def plain_loop(photographs: Photographs, epochs: int) -> None:
    network = ig.load_classifier("simple-cnn", classes=("cat", "dog"), size=SIZE).network.train()
    loader = DataLoader(photographs, BATCH, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True)
    optimiser = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=epochs * len(loader))
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.1)
    for _ in range(epochs):
        for images, labels in loader:
            optimiser.zero_grad()
            loss_of(network(images), labels).backward()
            optimiser.step()
            rate.step()


def ours(dataset: Dataset, epochs: int) -> None:
    recipe = RECIPES["cats-dogs"]
    stage = ig.Stage(epochs=epochs, peak_lr=0.1, batch_size=BATCH, objective=recipe.stages[0].objective)
    classifier = ig.load_classifier("simple-cnn", classes=dataset.classes, size=SIZE)
    with tempfile.TemporaryDirectory() as folder:
        ig.fit(
            classifier,
            dataset,
            ig.Recipe(name="bench", model="simple-cnn", stages=(stage,), augment=recipe.augment, average=0.998),
            Path(folder) / "run",
        )


def seconds() -> tuple[float, float]:
    """Of the processor, ended children's included, and of the clock."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used), time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=DATA)
    asked = parser.parse_args()
    every = ig.load_dataset(str(asked.data), size=SIZE)
    training = every.train.take(range(asked.images))
    dataset = Dataset(every.name, {"train": training}, every.classes, every.fingerprint)
    photographs = Photographs(asked.data, asked.images)
    work: dict[str, Callable[[], None]] = {
        "ironglass": lambda: ours(dataset, asked.epochs),
        "plain loop": lambda: plain_loop(photographs, asked.epochs),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for number in range(asked.rounds):
        for name in [*work][:: 1 if number % 2 == 0 else -1]:
            before = seconds()
            work[name]()
            taken[name].append(tuple(after - first for after, first in zip(seconds(), before, strict=True)))
            print(f"{name}: {taken[name][-1][0]:.1f} s of the processor, {taken[name][-1][1]:.1f} s", flush=True)
    for index, kind in enumerate(("of the processor", "by the clock")):
        ours_s, plain = (statistics.median(one[index] for one in taken[name]) for name in work)
        print(f"{kind}: ours {ours_s:.2f} s, the plain loop {plain:.2f} s, ratio {plain / ours_s:.2f}")


if __name__ == "__main__":
    main()
