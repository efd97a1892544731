"""A small problem that is learnt in a second."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.augment import Augment
from ironglass.data.dataset import Dataset, Split
from ironglass.models import Classifier, load_classifier
from ironglass.run import Run
from ironglass.train import fit
from ironglass.train.loop import loop
from ironglass.train.recipe import Recipe, Stage


def stripes(n: int, seed: int) -> Split:
    """Grey noise with a bright bar, upright or level."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 160, (n, 12, 12, 1), dtype=np.uint8)
    labels = random.integers(0, 2, n)
    for image, label, place in zip(pixels, labels, random.integers(2, 10, n), strict=True):
        (image[place] if label else image[:, place])[:] = 200
    return Split(pixels, labels, tuple(f"{seed}/{i}" for i in range(n)))


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    splits = {"train": stripes(96, 0), "validation": stripes(40, 1), "test": stripes(40, 2)}
    return Dataset("stripes", splits, ("upright", "level"), "stripes-1")


@pytest.fixture
def recipe() -> Recipe:
    """Everything random that there is: dropout in the network, augmentation, order."""
    return Recipe(
        stages=(Stage(epochs=2, peak_lr=0.05, batch_size=16), Stage(epochs=1, peak_lr=1e-3, optimiser="adamw")),
        augment=Augment(flip=True, gaussian=0.05),
        average=0.9,
        seed=3,
    )


@pytest.fixture
def classifier() -> Classifier:
    return load_classifier("simple-cnn", classes=("upright", "level"), size=12, channels=1, seed=3)


@pytest.fixture
def small() -> Classifier:
    """Two milliseconds a step, with batch-norm and dropout."""
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.BatchNorm2d(1), nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(200, 2)
    )
    return Classifier(network, mean=(0.5,), std=(0.3,), classes=("upright", "level"), input_size=12)


@pytest.fixture
def resumed(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Trains once without a break, and again with one after so many steps, and gives back the run if both are equal."""

    def train(classifier: Classifier, recipe: Recipe, after: int, **options: Any) -> Run:
        start = copy.deepcopy(classifier)
        whole = fit(classifier, dataset, recipe, tmp_path / "whole", **options)
        step, left = loop.Loop._step, after

        def counted(self: loop.Loop, *given: Any) -> None:
            nonlocal left
            step(self, *given)
            left -= 1
            self.interruption.requested = left == 0

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(loop.Loop, "_step", counted)
            fit(copy.deepcopy(start), dataset, recipe, tmp_path / f"broken-{after}", **options)
        broken = fit(start, dataset, recipe, tmp_path / f"broken-{after}", resume=True, **options)
        for path in whole.path.glob("*.safetensors"):
            assert path.read_bytes() == (broken.path / path.name).read_bytes()
        clock = {"seconds": 0, "images_per_second": 0}
        assert [row | clock for row in broken.history] == [row | clock for row in whole.history]
        assert broken.results["training"] | clock == whole.results["training"] | clock
        return whole

    return train
