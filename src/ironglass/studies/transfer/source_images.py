"""The images that are made once, on base A, and shown to every network: as float32, and as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from ironglass.attacks import THREATS, find_attack
from ironglass.attacks.sizes import at_each_eps
from ironglass.attacks.transfer import to_the_end
from ironglass.data.dataset import Dataset, Split
from ironglass.engine.folding.fold import folded
from ironglass.measure.robustness.transfer_matrix import true_answers
from ironglass.measure.statistics import Rate, counted_rate
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches
from ironglass.plans.transfer import Transfer
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.stored import stored
from ironglass.studies.steps.attack.batch_files import batch_file, read_batches, tag, write_batch
from ironglass.studies.steps.attack.image_folder import file_names, read_png
from ironglass.types import Images

BATCH = 64


@dataclass(frozen=True)
class ImageSets:
    """The sets of a run, one for each attack and eps, in `adversarial/ATTACK/EPS`; see docs/run-folder.md."""

    run: Run
    names: tuple[str, ...]
    sizes: tuple[float, ...]
    norm: str
    split: Split
    classes: tuple[str, ...]

    @cached_property
    def pngs(self) -> list[str]:
        """Path of each image's file, below the `png/` of a set."""
        return file_names(self.split.names, self.split.labels, self.classes)

    @property
    def count(self) -> int:
        """Number of batches of a set."""
        return -(-len(self.split) // BATCH)

    @property
    def sets(self) -> list[tuple[str, float]]:
        """Every attack with every eps."""
        return [(name, eps) for name in self.names for eps in self.sizes]

    def folder(self, name: str, eps: float) -> Path:
        """Folder of one set."""
        return self.run.path / "adversarial" / name / tag(self.norm, eps)

    def make(self, source: Classifier, seed: int, progress: Tell) -> None:
        """Makes what is missing, batch by batch, on the source: against the labels, or its own answers where it does
        not know all of the classes."""
        pngs, count = self.pngs, self.count
        for number, (images, labels) in enumerate(batches(self.split, BATCH, source.device)):
            progress("making images on base A", number, count, "")
            cut = slice(number * BATCH, (number + 1) * BATCH)
            waiting = [one for one in self.sets if not batch_file(self.folder(*one), number).is_file()]
            if not waiting:
                continue
            targets = true_answers(source, images, labels, self.classes)
            for name in dict.fromkeys(name for name, _ in waiting):
                sizes = [eps for one, eps in waiting if one == name]
                results = at_each_eps(to_the_end(find_attack(name)), source, images, targets, sizes, norm=self.norm,
                                    draws=partial(generator, seed, number, name))  # fmt: skip
                for eps, adversarial in zip(sizes, results, strict=True):
                    path = batch_file(self.folder(name, eps), number)
                    threat, part = THREATS[self.norm](eps), self.split.take(cut)
                    write_batch(self.run, path, source, part, images, adversarial, threat, png=pngs[cut])
        progress("making images on base A", count, count, "")

    def read(self, name: str, eps: float) -> Iterator[tuple[Images, Images]]:
        """A set's images, batch by batch, in float32: as they were made, and as bytes keep them."""
        folder = self.folder(name, eps)
        for number in range(self.count):
            path = batch_file(folder, number)
            with stored(path):
                images = load_file(path)["images"]
            pixels = [read_png(folder / "png" / file) for file in self.pngs[number * BATCH : (number + 1) * BATCH]]
            yield images, torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float().div_(255)

    def read_one(self, name: str, eps: float, index: int) -> tuple[Images, np.ndarray]:
        """The image at an index of the split: (1, c, h, w) as it was made, and the bytes (h, w, c) of its file."""
        folder, (number, row) = self.folder(name, eps), divmod(index, BATCH)
        path = batch_file(folder, number)
        with stored(path), safe_open(path, "pt") as file:
            image = file.get_slice("images")[row : row + 1]
        return image, read_png(folder / "png" / self.pngs[index])

    def source_accuracy(self, source: Classifier) -> list[dict[str, Any]]:
        """Accuracy of the source on the images made on it, by its own answers where it has no such label."""
        pairs = batches(self.split, BATCH, source.device)
        truths = torch.cat([true_answers(source, *batch, self.classes).cpu() for batch in pairs])
        rows = []
        for name, eps in self.sets:
            # written when the images were made, by a fresh pass
            after = read_batches(self.folder(name, eps), self.count)["predictions"]
            rows.append({"attack": name, "eps": eps, "accuracy": rate_of((after == truths).numpy())})
        return rows


def image_sets_of(run: Run, plan: Transfer, dataset: Dataset, split: Split) -> ImageSets:
    """The sets that a plan of transfer asks for."""
    sizes = tuple(sorted({*plan.eps} - {0.0}))
    return ImageSets(run, tuple(dict.fromkeys(plan.transfer_attacks)), sizes, plan.norm, split, dataset.classes)


def answers_of(classifier: Classifier, images: Images) -> np.ndarray:
    """The class that is named for each image, int64 (n,)."""
    with folded(classifier), torch.no_grad():
        return classifier(images.to(classifier.device)).argmax(1).cpu().numpy()


def rate_of(right: np.ndarray) -> Rate:
    """The share of true flags."""
    return counted_rate(int(right.sum()), len(right))
