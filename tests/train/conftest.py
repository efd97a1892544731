"""A small problem that is learnt in a second."""

import numpy as np
import pytest

from ironglass.data.augment import Augment
from ironglass.data.dataset import Dataset, Split
from ironglass.models import Classifier, load_classifier
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
