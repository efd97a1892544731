"""The guard against catastrophic overfitting that a plan's training needs."""

from __future__ import annotations

from ironglass.data.dataset import Dataset
from ironglass.harden.overfitting import OverfittingGuard, guard_for
from ironglass.plans.audit import Audit


def guard_of(plan: Audit, dataset: Dataset) -> OverfittingGuard | None:
    """The guard where a stage trains on adversarial images and there are validation images to attack; else None.

    Its eps is no larger than the plan's named attacks will judge by.
    """
    attacks = plan.named_attacks
    return guard_for(
        [stage.objective for stage in plan.stages],
        dataset,
        seed=plan.seed,
        mode=plan.guard.mode,
        eps=plan.guard.eps,
        attack_eps={attacks.norm: max(attacks.eps)} if attacks is not None else {},
    )
