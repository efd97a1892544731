"""Attacks on one network, by its own gradients, at several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from ironglass.attacks import THREATS, climbed_gradient, find_attack
from ironglass.attacks.parts.scores import Outputs, outputs_of
from ironglass.attacks.sizes import at_each_eps
from ironglass.data.dataset import Split
from ironglass.measure.robustness.evidence import Evidence, Observations, observe, observe_passes
from ironglass.measure.robustness.probes import look_again, spread
from ironglass.measure.robustness.repeated_passes import PASSES, pass_twice, rare_lots
from ironglass.measure.robustness.verdict import judge
from ironglass.measure.statistics import wilson
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.predict import batches, predicted
from ironglass.types import Progress


@dataclass(frozen=True)
class Stood:
    """One attack at one eps.

    right: which images it did not fool, bool (n,).
    verdict: as it stands in the results; it rests on what the network showed, on the number itself, and, where it would
        be trusted, on a search.
    """

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
        outputs = outputs if number else outputs_of(classifier, images)
        gradient = climbed_gradient(classifier, images, labels)
        if number:
            with frozen(classifier), torch.no_grad():
                seen += observe(classifier(images), gradient)
        else:
            seen += observe_passes(classifier, pass_twice(classifier, images), gradient)
            seen += Observations(tried=PASSES, lots=rare_lots(classifier, images))
        for name in attacks:
            draws = partial(torch.Generator().manual_seed, seed * 1_000_003 + number)
            made = at_each_eps(find_attack(name), classifier, images, labels, sizes, norm=norm, draws=draws)
            for size, adversarial in zip(sizes, made, strict=True):
                with frozen(classifier), torch.no_grad():
                    right[name, size].append((predicted(classifier(adversarial)) == labels).cpu().numpy())
        done += len(images)
        if progress:
            progress(done, len(split))
    found = []
    for (name, size), parts in right.items():
        attack = replace(find_attack(name), threat=THREATS[norm](size))
        flags = np.concatenate(parts)
        found.append(Stood(name, size, flags, _verdict(classifier, split, attack, flags, seen, outputs)))
    return found


def _verdict(
    classifier: Classifier, split: Split, attack: Any, right: np.ndarray, seen: Observations, outputs: Outputs
) -> dict[str, Any]:
    queries = 0 if attack.steps else getattr(attack, "queries", 0)
    points = ((attack.threat.eps, wilson(int(right.sum()), len(right))),)
    evidence = Evidence(seen=seen, steps=attack.steps, queries=queries, points=points, outputs=outputs)
    verdict = judge(evidence)
    if verdict.word == "trusted" and right.any():
        some = split.take(spread(right.nonzero()[0]))
        images, labels = next(batches(some, len(some), classifier.device))
        left = torch.ones(len(some), dtype=torch.bool)
        verdict = judge(look_again(evidence, classifier, images, labels, attack, left))
    return {"word": verdict.word, "reasons": list(verdict.reasons)}
