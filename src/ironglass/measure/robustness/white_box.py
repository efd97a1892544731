"""White-box attacks on one network at several eps."""

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
from ironglass.measure.robustness.probes import run_probes, spread_evenly
from ironglass.measure.robustness.repeated_passes import PASSES, count_differing_reruns, pass_twice
from ironglass.measure.robustness.verdict import judge
from ironglass.measure.statistics import rate_of
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches, predicted
from ironglass.types import Progress


@dataclass(frozen=True)
class WhiteBoxResult:
    """One attack at one eps.

    right: flags of images that it did not fool, bool (n,).
    verdict: as in the results; based on the observations, the number itself, and, where it would be trusted, a
        gradient-free search.
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
) -> list[WhiteBoxResult]:
    """Every named attack at every eps above 0, in this order. Draws are seeded by (seed, batch)."""
    sizes = sorted({*eps} - {0.0})
    right: dict[tuple[str, float], list[np.ndarray]] = {(name, size): [] for name in attacks for size in sizes}
    observations, done, outputs = Observations(), 0, Outputs()
    for number, (images, labels) in enumerate(batches(split, batch_size, classifier.device)):
        check_labels(labels, len(images), len(classifier.classes))
        outputs = outputs if number else outputs_of(classifier, images)
        gradient = climbed_gradient(classifier, images, labels)
        if number:
            with eval_without_grad(classifier), torch.no_grad():
                observations += observe(classifier(images), gradient)
        else:
            observations += observe_passes(classifier, pass_twice(classifier, images), gradient)
            observations += Observations(reruns=PASSES, differing_reruns=count_differing_reruns(classifier, images))
        for name in attacks:
            draws = partial(torch.Generator().manual_seed, seed * 1_000_003 + number)
            images_by_eps = at_each_eps(find_attack(name), classifier, images, labels, sizes, norm=norm, draws=draws)
            for size, adversarial in zip(sizes, images_by_eps, strict=True):
                with eval_without_grad(classifier), torch.no_grad():
                    right[name, size].append((predicted(classifier(adversarial)) == labels).cpu().numpy())
        done += len(images)
        if progress:
            progress(done, len(split))
    results = []
    for (name, size), parts in right.items():
        attack = replace(find_attack(name), threat=THREATS[norm](size))
        flags = np.concatenate(parts)
        results.append(
            WhiteBoxResult(name, size, flags, _verdict(classifier, split, attack, flags, observations, outputs))
        )
    return results


def _verdict(
    classifier: Classifier, split: Split, attack: Any, right: np.ndarray, observations: Observations, outputs: Outputs
) -> dict[str, Any]:
    queries = 0 if attack.steps else getattr(attack, "queries", 0)
    points = ((attack.threat.eps, rate_of(right)),)
    evidence = Evidence(observations=observations, steps=attack.steps, queries=queries, points=points, outputs=outputs)
    verdict = judge(evidence)
    if verdict.word == "trusted" and right.any():
        sample = split.take(spread_evenly(right.nonzero()[0]))
        images, labels = next(batches(sample, len(sample), classifier.device))
        all_right = torch.ones(len(sample), dtype=torch.bool)
        verdict = judge(run_probes(evidence, classifier, images, labels, attack, all_right))
    return {"word": verdict.word, "reasons": list(verdict.reasons)}
