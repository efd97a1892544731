"""Least cost of a run by its plan, before it is run: what is measured by default shall take a small share of it."""

from __future__ import annotations

from ironglass.studies.steps.context import AuditContext

OPERATIONS = 4e10
"""Multiply-adds a second and core, at most, forwards and backwards: a network takes longer than this makes it."""


def multiply_adds(context: AuditContext) -> int:
    """Of a forward pass of one image; its parameters where they are not known."""
    numbers = context.run.results["model"]
    return numbers["multiply_adds"] or numbers["parameters"]


def training_passes(context: AuditContext) -> int:
    """Forward passes, at least, that the plan's training takes as long as, backward ones among them; 0 without one."""
    if not context.plan.training or "train" not in context.dataset.splits:
        return 0
    return 3 * sum(stage.epochs for stage in context.plan.stages) * len(context.dataset["train"])


def passes_of_run(context: AuditContext) -> int:
    """Forward passes, at least, that training, evaluation, corruptions and attacks take as long as."""
    plan, images = context.plan, len(context.split)
    passes = training_passes(context) + (images if plan.evaluation else 0)
    if plan.corruptions is not None:
        passes += min(plan.corruptions.images, images) * len(plan.corruptions.names)
    if plan.attacks is not None:
        steps = max(1, len(plan.attacks.methods)) * len(plan.attacks.eps)
        passes += 3 * steps * min(plan.sampling.images, images)
    return passes
