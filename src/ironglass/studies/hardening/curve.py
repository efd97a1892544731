"""Accuracy of both sides of a hardening over eps, under one of the attacks that judge it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import torch

from ironglass.attacks import APGD, FGSM, MIFGSM, PGD, APGDTargeted, find_attack
from ironglass.attacks.sizes import at_each_eps
from ironglass.data.dataset import Split
from ironglass.measure.per_image import write_per_image
from ironglass.measure.statistics import mcnemar, rate_of
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches, logits_of, predicted
from ironglass.plans.attacks import Attacks
from ironglass.plans.hardening import Hardening
from ironglass.results.hardening.change import CurvePoint, EpsCurve
from ironglass.results.numbers import McNemar, Rate
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.stored import read_table
from ironglass.studies.hardening.pairs import SIDES, image_rows, under

FILE = "curve"
USUAL = "pgd-20"
"""Attack of the curve where no other is cheap enough to be made at every eps."""
ASCENTS = (PGD, APGD, APGDTargeted, MIFGSM)


def write_curve(
    run: Run,
    plan: Hardening,
    sides: Mapping[str, Run],
    classifiers: Mapping[str, Classifier],
    split: Split,
    progress: Tell,
) -> None:
    """Writes `per_image/curve.parquet`: whether each image is right on each side, unchanged and at each eps.

    split: the attacked images. At an eps that was attacked in full the same images' results are taken.
    """
    attacks, name = plan.attacks, curve_attack(plan.attacks)
    positions = spread_positions(len(split), plan.curve_images)
    sample, tables = split.take(positions), list[pa.Table]()
    for number, side in enumerate(SIDES):
        progress("measuring the eps curve", number, len(SIDES), side)
        right = {0.0: predicted(logits_of(classifiers[side], sample)).numpy() == sample.labels}
        if name in attacks.methods:
            rows = image_rows(sides[side], "attacks")
            stored = {eps: np.asarray(under(rows, name, eps)["correct"]) for eps in attacks.eps if eps > 0}
            right |= {eps: flags[positions] for eps, flags in stored.items()}
        missing = [eps for eps in plan.curve_sizes if eps not in right]
        right |= _attacked(plan, name, classifiers[side], sample, missing)
        for eps in sorted(right):
            columns = {"name": list(sample.names), "side": [side] * len(sample), "eps": np.full(len(sample), eps)}
            tables.append(pa.table(columns | {"correct": right[eps]}))
    progress("measuring the eps curve", len(SIDES), len(SIDES), "")
    write_per_image(run, FILE, tables)


def _attacked(
    plan: Hardening, name: str, classifier: Classifier, sample: Split, sizes: list[float]
) -> dict[float, np.ndarray]:
    """Flags of the images that stay right, bool (n,), at each of these eps."""
    flags: dict[float, list[np.ndarray]] = {eps: [] for eps in sizes}
    for number, (images, labels) in enumerate(batches(sample, plan.attacks.batch, classifier.device)):
        results = at_each_eps(
            find_attack(name), classifier, images, labels, sizes, norm=plan.attacks.norm,
            draws=lambda number=number: generator(plan.after.seed, number, name),
        )  # fmt: skip
        for eps, adversarial in zip(sizes, results, strict=True):
            with eval_without_grad(classifier), torch.no_grad():
                right = predicted(classifier(adversarial).float()) == labels
            flags[eps].append(right.cpu().numpy())
    return {eps: np.concatenate(parts) for eps, parts in flags.items()}


def curve_attack(attacks: Attacks) -> str:
    """The attack of the curve: of those that judge by repeated ascent the one of most steps; else FGSM, else PGD-20."""
    judges = {name: find_attack(name) for name in attacks.methods}
    steps = {name: attack.steps for name, attack in judges.items() if isinstance(attack, ASCENTS)}
    if steps:
        return max(steps, key=steps.__getitem__)
    single = [name for name, attack in judges.items() if isinstance(attack, FGSM)]
    return single[0] if len(judges) == len(single) else USUAL


def curve_of(run: Run, attacks: Attacks) -> EpsCurve:
    """The curve that `write_curve` has stored."""
    table = read_table(run.path / "per_image" / f"{FILE}.parquet", columns=["name", "side", "eps", "correct"])
    sides, sizes, correct = (np.asarray(table[name]) for name in ("side", "eps", "correct"))
    points = list[CurvePoint]()
    for eps in sorted({*sizes.tolist()}):
        before, after = (correct[(sides == side) & (sizes == eps)] for side in SIDES)
        rates = {side: Rate(**rate_of(flags)) for side, flags in zip(SIDES, (before, after), strict=True)}
        points.append(CurvePoint(eps=eps, **rates, test=McNemar(**mcnemar(before, after))))
    name = curve_attack(attacks)
    attack = find_attack(name)
    label = f"{attack.label}, {attack.steps} steps" if attack.steps > 1 else str(attack.label)
    return EpsCurve(attack=name, label=label, n=points[0].before.n, points=tuple(points))
