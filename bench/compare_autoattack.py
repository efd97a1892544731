"""Our standard ensemble against reference AutoAttack, image by image, on the same networks and images.

Trains three small networks on MNIST (plain, N-FGSM, PGD-7; kept in --cache), attacks the same test images with both at
AutoAttack's full budget, and prints a Markdown table: robust accuracy of both, and the images on which they disagree.
The reference's adversarial images are kept in --cache too, so that it runs once: `--who ours` compares with them.

The reference is its packaged fork, in an environment of its own, since it is no dependency of ours:

    python -m venv /tmp/peers && /tmp/peers/bin/pip install -e . pyautoattack==0.2.0
    /tmp/peers/bin/python bench/compare_autoattack.py --data ../shared/data/mnist --images 1000
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from ironglass import Classifier, load_dataset
from ironglass.attacks import L2, PGD, Linf, Threat, input_gradient, standard
from ironglass.data.dataset import Split

TRAIN_EPS = 0.2
CASES: dict[str, tuple[str, Threat]] = {
    "plain": ("plain", Linf(0.06)),
    "n-fgsm": ("n-fgsm", Linf(0.2)),
    "pgd-7": ("pgd-7", Linf(0.2)),
    "pgd-7-l2": ("pgd-7", L2(1.5)),
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", default="../shared/data/mnist", help="MNIST in Hugging Face layout")
    options.add_argument("--images", type=int, default=1000, help="test images, from the first on")
    options.add_argument("--cases", default=",".join(CASES), help="which of them, in order")
    options.add_argument("--who", choices=("reference", "ours", "both"), default="both", help="who attacks")
    options.add_argument("--epochs", type=int, default=2, help="of training")
    options.add_argument("--cache", type=Path, default=Path("/tmp/compare_autoattack"), help="what is kept")
    options.add_argument("--threads", type=int, default=1)
    asked = options.parse_args()
    if unknown := set(asked.cases.split(",")) - set(CASES):
        options.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    torch.set_num_threads(asked.threads)
    dataset = load_dataset(asked.data)
    images, labels = dataset.test[: asked.images]
    print("| network | threat | images | clean | reference | ours | only reference fools | only we fool |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for case in asked.cases.split(","):
        name, threat = CASES[case]
        classifier = trained(name, dataset.train, dataset.classes, asked)
        kept = asked.cache / f"reference-{case}-{asked.images}-{digest(classifier, threat, images, labels)}.safetensors"
        if asked.who != "ours" and not kept.is_file():
            save_file({"adversarial": reference(classifier, threat, images, labels)}, kept)
        if not kept.is_file():
            options.error(f"the reference's images of {case} are not in {asked.cache}: run with --who reference first")
        theirs = load_file(kept)["adversarial"].clamp(0, 1)
        outside = int((~threat.allows(images, theirs)).sum())
        clean, they_fool = (~right(classifier, batch, labels) for batch in (images, theirs))
        cells = [name, f"{type(threat).__name__} {threat.eps:g}", str(len(images)), robust(clean), robust(they_fool)]
        if asked.who == "reference":
            print(f"| {' | '.join(cells)} | - | - | - |", flush=True)
            continue
        ensemble = standard(classifier, threat)
        run = ensemble.run(classifier, images, labels)
        assert threat.allows(images, run.adversarial).all()
        we_fool = ~right(classifier, run.adversarial, labels)
        cells += [robust(we_fool), listed(they_fool & ~we_fool), listed(we_fool & ~they_fool)]
        print(f"| {' | '.join(cells)} |")
        fooled_by = dict(Counter(run.fooled_by))
        print(f"<!-- {ensemble.label}; fooled by {fooled_by}; reference outside its threat: {outside} -->", flush=True)


def reference(classifier: Classifier, threat: Threat, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    from pyautoattack import AutoAttack  # not needed to compare with what is kept

    # Linf and L2 are the reference's own names for them
    attack = AutoAttack(classifier.eval(), norm=type(threat).__name__, eps=threat.eps, seed=0, device="cpu")
    return attack.run_standard_evaluation(images, labels, batch_size=len(images))[0].contiguous()


def digest(classifier: Classifier, threat: Threat, images: torch.Tensor, labels: torch.Tensor) -> str:
    """Changes with anything the reference's result depends on but its seed and budget, which are fixed."""
    whole = hashlib.sha256(repr(threat).encode())
    for tensor in (*classifier.state_dict().values(), images, labels):
        whole.update(tensor.numpy().tobytes())
    return whole.hexdigest()[:12]


def right(classifier: Classifier, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return classifier.eval()(images).argmax(1) == labels


def robust(fooled: torch.Tensor) -> str:
    return f"{100 * (1 - float(fooled.float().mean())):.2f} %"


def listed(fooled: torch.Tensor) -> str:
    return ", ".join(str(place) for place in fooled.nonzero()[:, 0].tolist()) or "none"


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
