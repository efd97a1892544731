"""Our standard ensemble against reference AutoAttack, image by image, on the same networks and images.

Trains three small networks on MNIST (plain, N-FGSM, PGD-7; kept in --cache), attacks the same test images with both at
AutoAttack's full budget, one after the other, and prints a Markdown table: robust accuracy of both, the images on which
they disagree, and CPU seconds (of the reference / ours).

The reference is its packaged fork, in an environment of its own, since it is no dependency of ours:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -e . pyautoattack==0.2.0
    /tmp/peers/bin/python bench/compare_autoattack.py --data ../shared/data/mnist
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from pyautoattack import AutoAttack as Reference
from torch import nn
from torch.nn import functional as F

from ironglass import Classifier, load_dataset
from ironglass.attacks import L2, PGD, Linf, Threat, input_gradient, standard
from ironglass.data.dataset import Split

TRAIN_EPS = 0.2
CASES: list[tuple[str, Threat]] = [
    ("plain", Linf(0.06)),
    ("n-fgsm", Linf(0.2)),
    ("pgd-7", Linf(0.2)),
    ("pgd-7", L2(1.5)),
]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", default="../shared/data/mnist", help="MNIST in Hugging Face layout")
    options.add_argument("--images", type=int, default=300, help="test images, from the first on")
    options.add_argument("--epochs", type=int, default=2, help="of training")
    options.add_argument("--cache", type=Path, default=Path("/tmp/compare_autoattack"), help="trained networks")
    options.add_argument("--threads", type=int, default=1)
    asked = options.parse_args()
    torch.set_num_threads(asked.threads)
    dataset = load_dataset(asked.data)
    images, labels = dataset.test[: asked.images]
    print("| network | threat | clean | reference | ours | only reference fools | only we fool | CPU seconds | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for name, threat in CASES:
        classifier = trained(name, dataset.train, dataset.classes, asked)
        ensemble = standard(classifier, threat)
        began = time.process_time()
        run = ensemble.run(classifier, images, labels)
        ours_seconds = time.process_time() - began
        began = time.process_time()
        theirs = reference(classifier, threat, images, labels)
        seconds = time.process_time() - began
        clean, we_fool, they_fool = (~right(classifier, batch, labels) for batch in (images, run.adversarial, theirs))
        assert threat.allows(images, run.adversarial).all()
        only_they, only_we = (they_fool & ~we_fool).nonzero()[:, 0], (we_fool & ~they_fool).nonzero()[:, 0]
        accuracies = [f"{100 * (1 - float(fooled.float().mean())):.2f} %" for fooled in (clean, they_fool, we_fool)]
        threat_name = f"{type(threat).__name__} {threat.eps:g}"
        cells = (name, threat_name, *accuracies, listed(only_they), listed(only_we))
        print(f"| {' | '.join(cells)} | {seconds:.0f} / {ours_seconds:.0f} | {seconds / ours_seconds:.2f} |")
        print(f"<!-- fooled by: {dict(Counter(run.fooled_by))}; {ensemble.label} -->", flush=True)


def reference(classifier: Classifier, threat: Threat, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    # Linf and L2 are the reference's own names for them
    attack = Reference(classifier.eval(), norm=type(threat).__name__, eps=threat.eps, seed=0, device="cpu")
    return attack.run_standard_evaluation(images, labels, batch_size=len(images))[0]


def right(classifier: Classifier, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return classifier.eval()(images.clamp(0, 1)).argmax(1) == labels


def listed(places: torch.Tensor) -> str:
    return ", ".join(str(place) for place in places.tolist()) or "none"


def trained(name: str, split: Split, classes: tuple[str, ...], asked: argparse.Namespace) -> Classifier:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 100),
        nn.ReLU(),
        nn.Linear(100, len(classes)),
    )
    classifier = Classifier(network, mean=(0.0,), std=(1.0,), classes=classes, input_size=28)
    kept = asked.cache / f"{name}-{asked.epochs}.pt"
    if kept.is_file():
        network.load_state_dict(torch.load(kept, weights_only=True))
        return classifier
    order = np.random.default_rng(0)
    batches = [b for _ in range(asked.epochs) for b in np.array_split(order.permutation(len(split)), len(split) // 128)]
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-3, total_steps=len(batches))
    generator = torch.Generator().manual_seed(0)
    for step, batch in enumerate(batches):
        images, labels = split[batch]
        threat = Linf(TRAIN_EPS * min(1, 2 * step / len(batches)))  # grows, else training at this eps does not start
        if name == "pgd-7":
            images = PGD(threat=threat, steps=7)(classifier, images, labels, generator=generator)
        elif name == "n-fgsm":  # de Jorge et al. 2022, arXiv 2202.01181
            noise = 2 * threat.eps * (2 * torch.rand(images.shape, generator=generator) - 1)
            noisy = (images + noise).clamp(0, 1)
            images = (noisy + threat.eps * input_gradient(classifier, noisy, labels).sign()).clamp(0, 1)
        optimiser.zero_grad()
        F.cross_entropy(classifier.train()(images), labels).backward()
        optimiser.step()
        schedule.step()
    kept.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), kept)
    return classifier


if __name__ == "__main__":
    main()
