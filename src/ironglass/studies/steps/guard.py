"""The guard against catastrophic overfitting that a plan's training needs, and its images."""

from __future__ import annotations

from ironglass.data.dataset import Dataset
from ironglass.harden.overfitting import OverfittingGuard
from ironglass.plans.audit import Audit
from ironglass.plans.objective_eps import eps_of
from ironglass.studies.common.positions import spread_positions

GUARDED = 256
"""Held-out images that the guard attacks after every epoch."""


def guard_of(plan: Audit, dataset: Dataset) -> OverfittingGuard | None:
    """The guard where a stage trains on adversarial images and there are validation images to attack; else None.

    Its eps is the largest of the stages', but no larger than the plan's named attacks will judge by: far beyond what
    is withstood every epoch has no merit, and a single image decides which is kept.
    """
    sizes = [eps for stage in plan.stages if (eps := _size(stage.objective, plan))]
    if not sizes or "validation" not in dataset.splits:
        return None
    attacks = plan.named_attacks
    attack_eps = max(attacks.eps) if attacks is not None and attacks.norm == "linf" else max(sizes)
    validation = dataset.validation
    images, labels = validation[spread_positions(len(validation), GUARDED)]
    return OverfittingGuard(
        images=images,
        labels=labels,
        eps=min(attack_eps, max(sizes)),
        seed=plan.seed,
        alarms=plan.guard.mode == "on",
        merit="fgsm" if plan.guard.mode == "fgsm" else "pgd",
    )


def _size(objective: object, plan: Audit) -> float | None:
    eps = eps_of(objective)
    return plan.guard.eps if eps is None else eps
