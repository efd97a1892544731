"""Probes that a number has to pass before it is called trusted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ironglass.attacks import Square
from ironglass.attacks.square import SQUARES
from ironglass.measure.robustness.evidence import Evidence, Observations, ReferenceAttack
from ironglass.measure.robustness.repeated_passes import PASSES, rare_lots
from ironglass.measure.statistics import mcnemar, wilson
from ironglass.models.batch_dependence import undisturbed
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.types import Images, Labels, Mask

SEARCHED, QUERIES = 32, 50
"""Images left right that are searched without gradients, at most, and outputs asked for each."""


def spread(place: np.ndarray) -> np.ndarray:
    """Up to 32 of these positions, evenly."""
    return place[np.unique(np.linspace(0, len(place) - 1, SEARCHED).round().astype(int))]


def search_beside(
    classifier: Classifier, images: Images, labels: Labels, attack: Any, right: Mask, *, seed: int = 0
) -> ReferenceAttack | None:
    """Runs Square with 50 queries on up to 32 of the images that an attack left right, spread evenly over them.

    None where there are none, and for a threat that it does not know. At most 1,600 forward passes of one image, where
    PGD-20 takes 20 and as many backward ones of each.
    """
    place = right.nonzero()[:, 0].cpu().numpy()
    if not len(place) or type(attack.threat) not in SQUARES:
        return None
    place = spread(place)
    some, theirs = images[place], labels[place]
    square = Square(threat=attack.threat, queries=QUERIES)
    with undisturbed(classifier.device):
        found = square(classifier, some, theirs, generator=torch.Generator().manual_seed(seed))
        with frozen(classifier), torch.no_grad():
            stood = (classifier(found).argmax(1) == theirs).cpu().numpy()
    every = np.ones(len(place), dtype=bool)
    rates = [wilson(int(flags.sum()), len(flags)) for flags in (stood, every)]
    name = f"Square on {len(place)} images left right"
    return ReferenceAttack(kind="search", name=name, accuracy=rates[0], judged=rates[1], p=mcnemar(every, stood)["p"])


def look_again(
    evidence: Evidence, classifier: Classifier, images: Images, labels: Labels, attack: Any, right: Mask
) -> Evidence:
    """The evidence, and what these probes add to it; to be asked for where it would be trusted."""
    if not evidence.seen.tried:
        evidence = replace(
            evidence, seen=evidence.seen + Observations(tried=PASSES, lots=rare_lots(classifier, images))
        )
    reference = search_beside(classifier, images, labels, attack, right) if attack.steps else None
    return replace(evidence, reference_attacks=(*evidence.reference_attacks, reference)) if reference else evidence
