"""The arm that validation images under attack speak for, and what the measured images say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ironglass.data.dataset import Split
from ironglass.measure.statistics import holm, mcnemar, rate_of
from ironglass.models.classifier import Classifier
from ironglass.plans.audit import Audit
from ironglass.results.hardening import ArmPair, Selection
from ironglass.results.numbers import McNemar, Rate
from ironglass.run import Run
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.stored import read_table
from ironglass.studies.steps.attack.held_out import FILE, write_held_out

LEVEL = 0.05


def attack_validation(
    runs: Mapping[str, Run],
    plans: Mapping[str, Audit],
    classifiers: Mapping[str, Classifier],
    validation: Split,
    progress: Tell,
) -> None:
    """Writes `per_image/validation_attacked.parquet` of every arm that lacks it: right under every attack at the
    largest eps, of the same validation images for all."""
    for name, run in runs.items():
        if not is_attacked(run):
            write_held_out(run, plans[name], classifiers[name], validation, progress)


def is_attacked(run: Run) -> bool:
    """True where the arm's validation images were attacked."""
    return (run.path / "per_image" / f"{FILE}.parquet").is_file()


def selection_of(runs: Mapping[str, Run], pairs: Sequence[Mapping[str, Any]], eps: float) -> Selection:
    """The selection among arms whose validation images were attacked.

    pairs: every two arms on the measured images, as in the results, of which those at `eps` count.
    """
    right = {
        name: np.asarray(read_table(run.path / "per_image" / f"{FILE}.parquet", ["correct"])["correct"])
        for name, run in runs.items()
    }
    measured = [ArmPair(**{**pair, "test": McNemar(**pair["test"])}) for pair in pairs if pair["eps"] == eps]
    return select(right, measured, eps)


def select(right: Mapping[str, np.ndarray], measured: Sequence[ArmPair], eps: float) -> Selection:
    """The arm of most validation images right under attack, its rivals there, and its outcome on measured images.

    right: flags of the same validation images, bool (n,), by arm. measured: every two arms on the measured images.
    """
    rates = {name: Rate(**rate_of(flags)) for name, flags in right.items()}
    best = max(rates, key=lambda name: rates[name].value)
    pairs = list(combinations(right, 2))
    tests = [mcnemar(right[first], right[second]) for first, second in pairs]
    distinct = holm([test["p"] for test in tests], LEVEL)
    rivals = [
        next(name for name in pair if name != best)
        for pair, differs in zip(pairs, distinct, strict=True)
        if best in pair and not differs
    ]
    others = {pair: _ahead(pair, best) for pair in measured if best in (pair.first, pair.second)}
    if any(pair.stands and not ahead for pair, ahead in others.items()):
        outcome = "contradicted"
    else:
        outcome = "confirmed" if all(pair.stands for pair in others) else "undecided"
    return Selection(eps=eps, best=best, rates=rates, rivals=tuple(rivals), outcome=outcome)


def _ahead(pair: ArmPair, name: str) -> bool:
    """True where the arm has more images right in the pair than the other."""
    first_ahead = pair.test.only_first > pair.test.only_second
    return first_ahead == (pair.first == name)
