"""The ensemble against PGD-100 with 10 restarts on two classes, where AutoAttack's own losses are not defined.

    .venv/bin/python bench/two_classes.py [--shared FOLDER] [--images 200] [--cases 3v7,cats-dogs]

Trains `logistic` and `simple-cnn` on MNIST's 3 and 7, and `simple-cnn` on cats and dogs at 32 px, each plain and by
N-FGSM; the trained networks are kept in --cache. Attacks the same test images, drawn once, with both at full budget and
prints a Markdown table: how many images each leaves standing, and which of them only one of the two fools. The last
column is what no attack can pass: on a linear classifier one signed step is the strongest change under Linf.

PGD climbs the cross-entropy. On two classes that is log(1 + exp(margin)), whose gradient is the margin's times a
positive number, so that under Linf, where only signs count, PGD on the margin would take the same steps.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from compare_autoattack import listed, right, robust
from safetensors.torch import load_model, save_model
from torch.nn import functional as F

from ironglass import Classifier, Dataset, load_classifier, load_dataset
from ironglass.attacks import FGSM, PGD, Ensemble, Linf, input_gradient, standard
from ironglass.data.dataset import Split

# data, network, eps of N-FGSM or 0 for plain training, the two eps of the attacks
CASES = [
    ("3v7", "logistic", 0.0, (0.1, 0.15)),
    ("3v7", "logistic", 0.1, (0.25, 0.3)),
    ("3v7", "simple-cnn", 0.0, (0.1, 0.13)),
    ("3v7", "simple-cnn", 0.2, (0.3, 0.33)),
    ("cats-dogs", "simple-cnn", 0.0, (2 / 255, 3 / 255)),
    ("cats-dogs", "simple-cnn", 4 / 255, (12 / 255, 20 / 255)),
]
EPOCHS = {"3v7": 2, "cats-dogs": 6}
RESTARTS = 10
SEED = 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--shared", type=Path, default=Path("../shared/data"), help="holds mnist and cats_vs_dogs")
    options.add_argument("--images", type=int, default=200, help="test images a case")
    options.add_argument("--cases", default="3v7,cats-dogs", help="which data")
    options.add_argument("--cache", type=Path, default=Path("/tmp/two_classes"), help="trained networks")
    asked = options.parse_args()
    torch.set_num_threads(1)
    print("| data | network | training | eps | n | clean | PGD-100x10 | ensemble | only PGD | only ensemble | exact |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for data, name, train_eps, sizes in CASES:
        if data not in asked.cases.split(","):
            continue
        dataset = {"3v7": three_or_seven, "cats-dogs": cats_or_dogs}[data](asked.shared)
        training = f"N-FGSM {train_eps:.3g}" if train_eps else "plain"
        kept = asked.cache / f"{data}-{name}-{training.replace(' ', '-')}.safetensors"
        classifier = trained(kept, dataset, name, train_eps, EPOCHS[data])
        drawn = np.random.default_rng(SEED).permutation(len(dataset.test))[: asked.images]
        images, labels = dataset.test[drawn]
        for eps in sizes:
            threat = Linf(eps)
            # the same as PGD(restarts=10); what is fooled leaves, each restart draws on from the last
            pgd = Ensemble({f"restart {n + 1}": PGD(steps=100, leave=True) for n in range(RESTARTS)}, threat=threat)
            ensemble = standard(classifier, threat)
            by_pgd, by_ensemble = (attack.run(classifier, images, labels) for attack in (pgd, ensemble))
            for run in (by_pgd, by_ensemble):
                assert threat.allows(images, run.adversarial).all()
            p, e = (~right(classifier, run.adversarial, labels) for run in (by_pgd, by_ensemble))
            exact = "-"
            if name == "logistic":
                exact = robust(~right(classifier, FGSM(threat=threat)(classifier, images, labels), labels))
            cells = [data, name, training, f"{eps:.4g}", str(len(images)), robust(~right(classifier, images, labels))]
            cells += [robust(p), robust(e), listed(p & ~e), listed(e & ~p), exact]
            print(f"| {' | '.join(cells)} |")
            fooled_by = dict(Counter(by_ensemble.fooled_by))
            weaker = " WEAKER THAN PGD;" if p.sum() > e.sum() else ""
            print(f"<!-- {ensemble.label};{weaker} fooled by {fooled_by} -->", flush=True)


def three_or_seven(shared: Path) -> Dataset:
    mnist = load_dataset(str(shared / "mnist"))
    splits = {}
    for name, split in mnist.splits.items():
        chosen = split.take(np.isin(split.labels, (3, 7)))
        splits[name] = Split(chosen.pixels, (chosen.labels == 7).astype(np.int64), chosen.names)
    return Dataset("3v7", splits, ("3", "7"), mnist.fingerprint)


def cats_or_dogs(shared: Path) -> Dataset:
    return load_dataset(str(shared / "cats_vs_dogs"), size=32)


def trained(kept: Path, dataset: Dataset, name: str, eps: float, epochs: int) -> Classifier:
    """Adam with a one-cycle rate; with eps, by N-FGSM (de Jorge et al. 2022, arXiv 2202.01181)."""
    classifier = load_classifier(name, classes=dataset.classes, size=dataset.size, channels=dataset.channels, seed=SEED)
    if kept.is_file():
        load_model(classifier.network, kept)
        return classifier
    torch.manual_seed(SEED)
    split, order = dataset.train, np.random.default_rng(SEED)
    batches = [b for _ in range(epochs) for b in np.array_split(order.permutation(len(split)), len(split) // 64)]
    optimiser = torch.optim.Adam(classifier.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=len(batches))
    for step, batch in enumerate(batches):
        images, labels = split[batch]
        now = eps * min(1, 2 * step / len(batches))  # grows, else training at a large eps does not start
        if now:
            noisy = images + 2 * now * (2 * torch.rand(images.shape) - 1)
            images = noisy + now * input_gradient(classifier.train(), noisy.clamp(0, 1), labels).sign()
        optimiser.zero_grad()
        F.cross_entropy(classifier.train()(images.clamp(0, 1)), labels).backward()
        optimiser.step()
        schedule.step()
    kept.parent.mkdir(parents=True, exist_ok=True)
    save_model(classifier.network, str(kept))
    return classifier.eval()


if __name__ == "__main__":
    main()
