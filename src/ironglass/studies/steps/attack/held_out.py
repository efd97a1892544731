"""Validation images under attack: what trials that harden are chosen by, on images that nothing is reported on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import torch

from ironglass.attacks import THREATS, AutoAttack, find_attack, standard
from ironglass.data.dataset import Split
from ironglass.measure.per_image import write_per_image
from ironglass.measure.statistics import Rate, counted_rate
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.progress import Tell
from ironglass.types import Images, Labels, Mask

FILE = "validation_attacked"


def write_held_out(run: Run, plan: Audit, classifier: Classifier, validation: Split, progress: Tell) -> Rate:
    """The share of validation images that stay right under every named attack at the largest eps.

    Of at most `sampling.images` images, spread evenly: the same for every trial, whatever its seed. Whether each stays
    right stands in `per_image/validation_attacked.parquet`.
    """
    attacks = plan.named_attacks
    assert attacks is not None
    split, flags = validation.take(spread_positions(len(validation), plan.sampling.images)), []
    count = -(-len(split) // attacks.batch)
    for number, (images, labels) in enumerate(batches(split, attacks.batch, classifier.device)):
        progress("attacking validation images", number, count, "")
        flags.append(_withstood(attacks, plan.seed, classifier, images, labels, number).cpu().numpy())
    progress("attacking validation images", count, count, "")
    right = np.concatenate(flags)
    write_per_image(run, FILE, [pa.table({"name": list(split.names), "correct": pa.array(right)})])
    return counted_rate(int(right.sum()), len(right))


def _withstood(
    attacks: Attacks, seed: int, classifier: Classifier, images: Images, labels: Labels, number: int
) -> Mask:
    """Which images stay right, bool (n,); each attack is made on those that the ones before have left."""
    right = _right(classifier, images, labels)
    threat = THREATS[attacks.norm](max(attacks.eps))
    for name in attacks.methods:
        left = right.nonzero().flatten()
        if not len(left):
            break
        attack, inputs, truths = find_attack(name), images[left], labels[left]
        draws = generator(seed, number, name)
        if isinstance(attack, AutoAttack):
            ensemble = standard(classifier, threat, steps=attack.steps, queries=attack.queries)
            adversarial, _ = ensemble.run(classifier, inputs, truths, generator=draws)
        else:
            adversarial = replace(attack, threat=threat)(classifier, inputs, truths, generator=draws)
        right[left] = _right(classifier, adversarial, truths)
    return right


def _right(classifier: Classifier, images: Images, labels: Labels) -> Mask:
    with eval_without_grad(classifier), torch.no_grad():
        return classifier(images).argmax(1) == labels
