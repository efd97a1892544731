"""Probes that a robustness number must pass before it is called trusted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ironglass.attacks import Square
from ironglass.attacks.square import SQUARES
from ironglass.measure.robustness.evidence import Evidence, Observations, ReferenceAttack
from ironglass.measure.robustness.repeated_passes import PASSES, count_differing_reruns
from ironglass.measure.statistics import mcnemar, rate_of
from ironglass.models.batch_dependence import undisturbed
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Mask

SEARCHED, QUERIES = 32, 50
"""Largest number of images still right that are searched without gradients, and forward passes for each."""


def spread_evenly(index: np.ndarray) -> np.ndarray:
    """Up to 32 of these indices, evenly spaced."""
    return index[np.unique(np.linspace(0, len(index) - 1, SEARCHED).round().astype(int))]


def gradient_free_search(
    classifier: Classifier, images: Images, labels: Labels, attack: Any, right: Mask, *, seed: int = 0
) -> ReferenceAttack | None:
    """Runs Square with 50 queries on up to 32 images that are still right under an attack, evenly spaced.

    None where there are none, and for a threat that Square does not support. At most 1,600 forward passes of one image,
    where PGD-20 takes 20 forward and 20 backward passes of each.
    """
    index = right.nonzero()[:, 0].cpu().numpy()
    if not len(index) or type(attack.threat) not in SQUARES:
        return None
    index = spread_evenly(index)
    sample, sample_labels = images[index], labels[index]
    square = Square(threat=attack.threat, queries=QUERIES)
    with undisturbed(classifier.device):
        adversarial = square(classifier, sample, sample_labels, generator=torch.Generator().manual_seed(seed))
        with eval_without_grad(classifier), torch.no_grad():
            still_right = (classifier(adversarial).argmax(1) == sample_labels).cpu().numpy()
    all_right = np.ones(len(index), dtype=bool)
    rates = [rate_of(flags) for flags in (still_right, all_right)]
    name = f"Square on {len(index)} images left right"
    return ReferenceAttack(
        kind="search", name=name, accuracy=rates[0], evaluated=rates[1], p=mcnemar(all_right, still_right)["p"]
    )


def run_probes(
    evidence: Evidence, classifier: Classifier, images: Images, labels: Labels, attack: Any, right: Mask
) -> Evidence:
    """The evidence with the results of these probes added; to be run where it would be trusted."""
    if not evidence.observations.reruns:
        evidence = replace(
            evidence,
            observations=evidence.observations
            + Observations(reruns=PASSES, differing_reruns=count_differing_reruns(classifier, images)),
        )
    reference = gradient_free_search(classifier, images, labels, attack, right) if attack.steps else None
    return replace(evidence, reference_attacks=(*evidence.reference_attacks, reference)) if reference else evidence
