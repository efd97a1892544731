"""How near attacks come to the smallest change: ours and adversarial-library's at the same number of gradients.

    .venv-bench/bin/python bench/attack_optimality.py RUN DATA [RUN DATA ...] [--images N] [--steps N]

After AttackBench (arXiv 2404.19460): the robustness curve of an attack is the share of images, misread as they are or
not, that stand at a budget; the envelope is the curve of the nearest change that any attack found. Optimality is the
area that the attack takes away from the constant curve, over the area that the envelope takes, up to the budget at
which the envelope is 0: 1 where no attack did better on any image. Every change is counted after a fresh plain pass.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import torch
from jobs import Plain
from torch import Tensor

import ironglass as ig
from ironglass.attacks import DDN, FAB, FMN, L1, L2, CarliniWagner, DeepFool, Linf

ORDERS = {"linf": math.inf, "l2": 2, "l1": 1}
THREATS: dict[str, Any] = {"linf": Linf(1.0), "l2": L2(100.0), "l1": L1(1e4)}

STEPS = {"pdgd": "num_steps", "pdpgd": "num_steps"}
"""What an attack of theirs calls its steps, where it is not steps."""

Found = Callable[[ig.Classifier, Tensor, Tensor, int], Tensor]


def _nearest(
    attack: Callable[[int], Any], classifier: ig.Classifier, images: Tensor, labels: Tensor, steps: int
) -> Tensor:
    return attack(steps).minimal(classifier, images, labels)


def _fab(threat: Any, classifier: ig.Classifier, images: Tensor, labels: Tensor, steps: int) -> Tensor:
    # a target is a gradient a step, and so many targets are aimed at
    targets = min(3, len(classifier.classes) - 1)
    return FAB(threat=threat, targets=targets, steps=max(steps // targets, 1)).nearest(classifier, images, labels)[0]


def _theirs(method: partial[Tensor], classifier: ig.Classifier, images: Tensor, labels: Tensor, steps: int) -> Tensor:
    return method(Plain(classifier), images, labels, **{STEPS.get(method.func.__name__, "steps"): steps})


def contenders(norm: str) -> dict[str, Found]:
    """Attacks under a norm, ours by plain names."""
    sys.modules.setdefault("visdom", ModuleType("visdom"))  # which it imports for drawing, and which does not build
    from adv_lib.attacks import ddn, fmn, pdgd, pdpgd

    threat = THREATS[norm]
    found: dict[str, Found] = {
        "fmn": partial(_nearest, lambda steps: FMN(threat=threat, steps=steps)),
        "fab-t": partial(_fab, threat),
        "adv-lib fmn": partial(_theirs, partial(fmn, norm=ORDERS[norm], α_init=10.0 if norm == "linf" else 1.0)),
        "adv-lib pdpgd": partial(_theirs, partial(pdpgd, norm=ORDERS[norm])),
    }
    if norm == "l2":
        found["ddn"] = partial(_nearest, lambda steps: DDN(steps=steps))
        found["deepfool"] = partial(_nearest, lambda steps: DeepFool(threat=threat, steps=max(steps // 9, 1)))
        found["carlini-wagner"] = partial(_nearest, lambda steps: CarliniWagner(steps=max(steps // 9, 1)))
        found["adv-lib ddn"] = partial(_theirs, partial(ddn, levels=None))
        found["adv-lib pdgd"] = partial(_theirs, partial(pdgd))
    return found


def distances(classifier: ig.Classifier, images: Tensor, labels: Tensor, adversarial: Tensor, norm: str) -> Tensor:
    """Of each image, ∞ where a plain pass reads it right or it leaves [0, 1]; 0 where the image itself is misread."""
    with torch.no_grad():
        misread = classifier.eval()(adversarial).argmax(1) != labels
        already = classifier(images).argmax(1) != labels
    inside = ((adversarial >= 0) & (adversarial <= 1)).flatten(1).all(1)
    size = torch.linalg.vector_norm((adversarial - images).flatten(1), ord=ORDERS[norm], dim=1)
    return torch.where(misread & inside, size, torch.inf).masked_fill(already, 0)


def optimality(found: Tensor, envelope: Tensor) -> float:
    """The area that an attack takes from the constant curve, over that of the envelope; both (n,) of distances."""
    last = envelope[envelope.isfinite()].max()
    taken = [(last - one.clamp_max(last)).sum() for one in (found, envelope)]
    return float(taken[0] / taken[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", nargs="+", metavar="RUN DATA")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--steps", type=int, default=200, help="gradients an image")
    parser.add_argument("--norm", nargs="+", default=list(ORDERS), choices=ORDERS)
    asked = parser.parse_args()
    torch.manual_seed(0)
    print(f"{asked.images} images, {asked.steps} gradients, torch {torch.__version__}\n")
    print("| network | norm | attack | optimality | median distance | misread |\n| --- | --- | --- | --: | --: | --: |")
    for run, data in zip(asked.pairs[::2], asked.pairs[1::2], strict=True):
        classifier = ig.load_classifier(run)
        images, labels = ig.load_dataset(data, size=classifier.input_size).test[: asked.images]
        for norm in asked.norm:
            found = {}
            for name, attack in contenders(norm).items():
                adversarial = attack(classifier, images, labels, asked.steps).detach()
                found[name] = distances(classifier, images, labels, adversarial, norm)
            envelope = torch.stack(list(found.values())).amin(0)
            for name, one in sorted(found.items(), key=lambda pair: -optimality(pair[1], envelope)):
                share = float(one.isfinite().float().mean())
                cells = [f"{optimality(one, envelope):.3f}", f"{float(one.median()):.4g}", f"{100 * share:.0f} %"]
                print(f"| {classifier.network._get_name()} | {norm} | {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
