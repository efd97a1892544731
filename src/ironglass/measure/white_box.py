"""Attacks on one network, by its own gradients, at several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from ironglass.attacks import climbed_gradient, find_attack
from ironglass.attacks.scores import Outputs, outputs_of
from ironglass.attacks.sizes import at_each_eps
from ironglass.data.dataset import Split
from ironglass.measure.evidence import Evidence, Observations, observe, watched
from ironglass.measure.statistics import wilson
from ironglass.measure.verdict import judge
from ironglass.models.classifier import Classifier, check_labels, frozen
from ironglass.models.predict import batches, predicted
from ironglass.types import Progress


@dataclass(frozen=True)
class Stood:
    """One attack at one eps. right: which images it did not fool, bool (n,). verdict: as it stands in the results; it
    rests on what the network showed and on the number itself, not on other attacks."""

    attack: str
    eps: float
    right: np.ndarray
    verdict: dict[str, Any]


def white_box(
    classifier: Classifier,
    split: Split,
    attacks: Sequence[str],
    eps: Sequence[float],
    *,
    norm: str = "linf",
    seed: int = 0,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> list[Stood]:
    """Every named attack at every eps above 0, in this order. Draws come from (seed, batch)."""
    sizes = sorted({*eps} - {0.0})
    right: dict[tuple[str, float], list[np.ndarray]] = {(name, size): [] for name in attacks for size in sizes}
    seen, done, outputs = Observations(), 0, Outputs()
    for number, (images, labels) in enumerate(batches(split, batch_size, classifier.device)):
        check_labels(labels, len(images), len(classifier.classes))
        again, autograd = (None, False) if number else watched(classifier, images)
        outputs = outputs if number else outputs_of(classifier, images)
        with frozen(classifier), torch.no_grad():
            logits = classifier(images)
        seen += observe(logits, climbed_gradient(classifier, images, labels), again, autograd=autograd)
        for name in attacks:
            draws = partial(torch.Generator().manual_seed, seed * 1_000_003 + number)
            made = at_each_eps(find_attack(name), classifier, images, labels, sizes, norm=norm, draws=draws)
            for size, adversarial in zip(sizes, made, strict=True):
                with frozen(classifier), torch.no_grad():
                    right[name, size].append((predicted(classifier(adversarial)) == labels).cpu().numpy())
        done += len(images)
        if progress:
            progress(done, len(split))
    return [Stood(name, size, flags := np.concatenate(parts), _verdict(seen, outputs, name, size, flags))
            for (name, size), parts in right.items()]  # fmt: skip


def _verdict(seen: Observations, outputs: Outputs, name: str, eps: float, right: np.ndarray) -> dict[str, Any]:
    attack: Any = find_attack(name)
    queries = 0 if attack.steps else getattr(attack, "queries", 0)
    points = ((eps, wilson(int(right.sum()), len(right))),)
    evidence = Evidence(seen=seen, steps=attack.steps, queries=queries, points=points, outputs=outputs)
    found = asdict(judge(evidence))
    return {**found, "reasons": list(found["reasons"])}
