"""Whether a plan's training needs the guard against catastrophic overfitting, and on which images."""

from __future__ import annotations

from ironglass.data.dataset import Dataset
from ironglass.harden import AWP
from ironglass.harden.overfitting import OverfittingGuard
from ironglass.studies.plan import Audit
from ironglass.studies.prepare import spread_positions

GUARDED = 256
"""Held-out images that the guard attacks after every epoch."""


def guard_of(plan: Audit, dataset: Dataset) -> OverfittingGuard | None:
    """The guard where a stage trains on adversarial images and there are validation images to attack; else None.

    Its eps is the largest of the stages'.
    """
    sizes = [eps for stage in plan.stages if (eps := eps_of(stage.objective))]
    if not sizes or "validation" not in dataset.splits:
        return None
    held = dataset.validation
    images, labels = held[spread_positions(len(held), GUARDED)]
    return OverfittingGuard(images=images, labels=labels, eps=max(sizes), seed=plan.seed)


def eps_of(objective: object) -> float:
    """The size of change that an objective trains against, in units of [0, 1]; 0 where it trains on clean images."""
    inner = objective.objective if isinstance(objective, AWP) else objective
    return float(getattr(inner, "eps", getattr(inner, "adv_step_size", 0.0)))
