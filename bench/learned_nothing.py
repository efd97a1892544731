"""How often networks that learned nothing are called so, and honest weak ones are not, over many trainings.

    python bench/learned_nothing.py --trainings 50

Trains small CNNs on images whose class moves the mean a little, half of them on shuffled labels; the rest have fresh
weights, or one output that outweighs the others. Prints, for each kind, how many are called blind, how many have a
sentence before anything else, and their accuracies.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable

import numpy as np
import torch

from ironglass.data.dataset import Dataset, Split
from ironglass.errors import Notice
from ironglass.measure.accuracy import evaluate
from ironglass.models import Classifier, load_classifier
from ironglass.report.kit.constant import answers_blindly
from ironglass.report.page.registry import cautions
from ironglass.results.codec import from_dict
from ironglass.results.evaluation import Evaluation
from ironglass.results.sections import Results
from ironglass.train import fit
from ironglass.train.recipe import Recipe, Stage

CLASSES = ("a", "b", "c")
SIDE = 12


def images(n: int, draws: np.random.Generator, *, shuffled: bool = False) -> Split:
    """Noise with a faint bar, whose row gives the class; of shuffled labels nothing does."""
    labels = draws.choice(3, n, p=(0.5, 0.3, 0.2))
    pixels = draws.integers(60, 200, (n, SIDE, SIDE, 1))
    for image, label in zip(pixels, labels, strict=True):
        image[2 + 4 * label] += 24
    labels = draws.permutation(labels) if shuffled else labels
    return Split(pixels.clip(0, 255).astype(np.uint8), labels, tuple(map(str, range(n))))


def network(seed: int) -> Classifier:
    return load_classifier("simple-cnn", classes=CLASSES, size=SIDE, channels=1, seed=seed)


def trained(seed: int, *, shuffled: bool) -> tuple[Classifier, Split]:
    draws = np.random.default_rng(seed)
    splits = {name: images(n, draws, shuffled=shuffled) for name, n in (("train", 600), ("validation", 150))}
    test = images(600, draws, shuffled=shuffled)
    data = Dataset("bars", {**splits, "test": test}, CLASSES, f"bars-{seed}")
    classifier = network(seed)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(epochs=3, peak_lr=0.02, batch_size=64)
        fit(classifier, data, Recipe(stages=(stage,), seed=seed), f"{folder}/run", progress=False)
    return classifier, test


def fresh(seed: int) -> tuple[Classifier, Split]:
    return network(seed), images(600, np.random.default_rng(seed))


def constant(seed: int) -> tuple[Classifier, Split]:
    classifier, test = fresh(seed)
    with torch.no_grad():
        last = [module for module in classifier.modules() if isinstance(module, torch.nn.Linear)][-1]
        last.bias[seed % 3] += 100
    return classifier, test


KINDS: dict[str, Callable[[int], tuple[Classifier, Split]]] = {
    "shuffled labels": lambda seed: trained(seed, shuffled=True),
    "fresh weights": fresh,
    "constant": constant,
    "weak": lambda seed: trained(seed, shuffled=False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, default=50)
    count = parser.parse_args().trainings
    warnings.simplefilter("ignore", Notice)
    for kind, make in KINDS.items():
        blind, first, accuracies = 0, 0, []
        for seed in range(count):
            numbers, _ = evaluate(*make(seed))
            evaluation = from_dict(Evaluation, numbers, file="evaluation")
            blind += answers_blindly(evaluation)
            first += bool(cautions(Results(evaluation=evaluation)))
            accuracies.append(evaluation.accuracy.value)
        low, middle, high = np.quantile(accuracies, [0, 0.5, 1])
        print(
            f"{kind}: {blind} of {count} called blind, {first} with a sentence before anything else;"
            f" accuracy {middle:.3f} ({low:.3f} to {high:.3f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
