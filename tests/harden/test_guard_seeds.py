"""The guard calls where training collapses, and keeps quiet where it does not: of 20 seeds at least 19, and none.

IRONGLASS_SEEDS=20 pytest tests/harden/test_guard_seeds.py
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Dataset
from ironglass.data.load import load_dataset
from ironglass.harden import FastAT, PGDTraining
from ironglass.harden.overfitting import OverfittingGuard
from ironglass.models.classifier import Classifier
from ironglass.train.fit import fit
from ironglass.train.recipe import Recipe, Stage

SEEDS = int(os.environ.get("IRONGLASS_SEEDS", "1"))
COLLAPSING = (FastAT(eps=0.2, step_size=0.8), 0.2, 16, 0.15)  # a step of four times eps: only corners are ever seen
HEALTHY = (PGDTraining(eps=0.1, steps=3), 0.1, 8, 0.1)


@pytest.fixture(scope="module")
def digits(shared_data: Path) -> Dataset:
    """2,000 MNIST digits at 14 pixels to learn from, and 256 others to be watched on."""
    whole = load_dataset(str(shared_data / "mnist"), size=14)
    cut = {"train": slice(0, 2000), "validation": slice(2000, 2256)}
    splits = {name: whole.train.take(np.arange(60000)[where]) for name, where in cut.items()}
    return Dataset("digits", splits, whole.classes, "cut")


def alarms(digits: Dataset, seed: int, folder: Path, setting: tuple[object, float, int, float]) -> list[int]:
    objective, eps, epochs, lr = setting
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(64 * 16, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    classifier = Classifier(network, mean=(0.13,), std=(0.31,), classes=digits.classes, input_size=14)
    images, labels = digits.validation[:]
    guard = OverfittingGuard(images=images, labels=labels, eps=eps, seed=seed)
    stage = Stage(epochs=epochs, peak_lr=lr, objective=objective, weight_decay=0.0)
    history = fit(classifier, digits, Recipe(stages=(stage,), seed=seed), folder, watch=guard).history
    assert max(row["validation_accuracy"] for row in history) > 0.5  # it has learned
    return [row["epoch"] for row in history if row["alarm"]]


@pytest.mark.slow
def test_a_collapse_is_seen(digits: Dataset, tmp_path: Path) -> None:
    found = [alarms(digits, seed, tmp_path / str(seed), COLLAPSING) for seed in range(SEEDS)]
    assert sum(bool(epochs) for epochs in found) >= round(0.95 * SEEDS), found


@pytest.mark.slow
def test_health_is_left_alone(digits: Dataset, tmp_path: Path) -> None:
    found = [alarms(digits, seed, tmp_path / str(seed), HEALTHY) for seed in range(SEEDS)]
    assert found == [[]] * SEEDS
