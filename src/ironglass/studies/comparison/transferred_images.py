"""The images that are made on one arm of a comparison and shown to all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.attacks import THREATS, find_attack
from ironglass.data.dataset import Dataset, Split
from ironglass.measure.robustness.transfer_matrix import transfer_attack
from ironglass.measure.statistics import counted_rate
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.comparison import BASE, Comparison
from ironglass.run import Run
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.prepare import measured_split
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.stored import read_table
from ironglass.studies.steps.attack.batch_files import tag


def write_transferred(
    run: Run, plan: Comparison, classifiers: Mapping[str, Classifier], dataset: Dataset, progress: Tell
) -> dict[str, Any]:
    """The section `transferred` of the results; `transferred/SPLIT/SURROGATE/ATTACK-EPS.parquet` has every image.

    On the measured split every arm makes images for all; on training images the base alone does.
    """
    name, measured = measured_split(plan.base, dataset)
    splits = {name: _matrix(run, plan, classifiers, name, measured, list(classifiers), progress)}
    if name != "train" and "train" in dataset.splits:
        splits["train"] = _matrix(run, plan, classifiers, "train", dataset.train, [BASE], progress)
    return {"norm": plan.attacks.norm, "measured": name, "splits": splits}


def _matrix(
    run: Run,
    plan: Comparison,
    classifiers: Mapping[str, Classifier],
    name: str,
    split: Split,
    surrogates: list[str],
    progress: Tell,
) -> dict[str, Any]:
    sample = split.take(spread_positions(len(split), plan.images))
    named = [(attack, eps) for attack in plan.transferred for eps in plan.sizes]
    by_surrogate: dict[str, list[dict[str, Any]]] = {}
    for surrogate in surrogates:
        folder = run.path / "transferred" / name / surrogate
        files = {one: folder / f"{one[0]}-{tag(plan.attacks.norm, one[1])}.parquet" for one in named}
        missing = [one for one in named if not files[one].is_file()]
        if missing:
            attacks = [replace(find_attack(attack), threat=THREATS[plan.attacks.norm](eps)) for attack, eps in missing]
            activity = f"showing {surrogate}'s images to all"
            results = transfer_attack(
                classifiers[surrogate], classifiers, sample, attacks, seed=plan.base.seed,
                progress=lambda done, of, activity=activity: progress(activity, done, of, name),
            )  # fmt: skip
            for one, right in zip(missing, results, strict=True):
                with run.atomic(files[one]) as path:
                    pq.write_table(pa.table({"name": list(sample.names)} | right), path)
        by_surrogate[surrogate] = [_rates(read_table(files[one]), list(classifiers)) for one in named]
    clean = {arm: predicted(logits_of(one, sample)).numpy() == sample.labels for arm, one in classifiers.items()}
    rows = [
        {"attack": attack, "eps": eps, "surrogates": {by: rates[index] for by, rates in by_surrogate.items()}}
        for index, (attack, eps) in enumerate(named)
    ]
    return {
        "n": len(sample),
        "clean": {arm: counted_rate(int(right.sum()), len(right)) for arm, right in clean.items()},
        "rows": rows,
    }


def _rates(table: pa.Table, arms: list[str]) -> dict[str, Any]:
    right = {arm: np.asarray(table[arm]) for arm in arms}
    return {arm: counted_rate(int(flags.sum()), len(flags)) for arm, flags in right.items()}
