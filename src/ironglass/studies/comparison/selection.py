"""The arm that validation images under attack speak for, and what the measured images say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ironglass.data.dataset import Split
from ironglass.measure.contrast import compared_settings
from ironglass.measure.statistics import holm, rate_of, share_interval
from ironglass.models.classifier import Classifier
from ironglass.plans.audit import Audit
from ironglass.results.codec import from_dict
from ironglass.results.hardening import ArmPair, Selection
from ironglass.results.numbers import Rate
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


def selection_of(groups: Sequence[Mapping[str, Run]], pairs: Sequence[Mapping[str, Any]], eps: float) -> Selection:
    """The selection among arms whose validation images were attacked.

    groups: the arms of each seed. pairs: every two arms on the measured images, as in the results, of which
    those at `eps` count.
    """
    right = {name: [_flags(runs[name]) for runs in groups] for name in groups[0]}
    measured = [from_dict(ArmPair, pair, file="pairs") for pair in pairs if pair["eps"] == eps]
    return select(right, measured, eps)


def _flags(run: Run) -> np.ndarray:
    return np.asarray(read_table(run.path / "per_image" / f"{FILE}.parquet", ["correct"])["correct"])


def select(right: Mapping[str, Sequence[np.ndarray]], measured: Sequence[ArmPair], eps: float) -> Selection:
    """The arm of most validation images right under attack, its rivals there, and its outcome on measured images.

    right: by arm, flags of the same validation images, bool (n,), of each seed. measured: every two arms on the
    measured images.
    """
    rates = {name: Rate(**mean_rate(flags)) for name, flags in right.items()}
    best = max(rates, key=lambda name: rates[name].value)
    pairs = list(combinations(right, 2))
    tests = [compared_settings(right[first], right[second]) for first, second in pairs]
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
    return pair.first_ahead == (pair.first == name)


def mean_rate(flags: Sequence[np.ndarray]) -> Mapping[str, Any]:
    """The mean over seeds with its 95 % interval over images. flags: of each seed on the same images, bool (n,)."""
    return rate_of(flags[0]) if len(flags) == 1 else share_interval(np.mean(flags, axis=0))
