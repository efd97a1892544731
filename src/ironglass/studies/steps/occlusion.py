"""The occlusion steps: accuracy under a sliding patch, and a search over every position of patches."""

from __future__ import annotations

from ironglass.measure.exhaustive_occlusion import occlusion_robustness
from ironglass.measure.occlusion import occlusion_accuracy
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.samples import mean_colour
from ironglass.studies.steps.step import Step


def occlude(context: AuditContext) -> None:
    """Writes `occlusion` of the results."""
    found = occlusion_accuracy(
        context.classifier,
        context.measured,
        patch=context.patch,
        stride=context.stride,
        masks=context.plan.occlusion.masks,
        mean=mean_colour(context.learning),
        progress=lambda done, of: context.progress("occluding", done, of, ""),
    )
    context.run.record("occlusion", found)


def try_every_place(context: AuditContext) -> None:
    """Writes `exhaustive` of the results."""
    plan, split = context.plan, context.measured
    found = occlusion_robustness(
        context.classifier,
        split.take(spread_positions(len(split), plan.patches.images)),
        plan.patches.sizes,
        plan.occlusion.stride or 1,
        plan.occlusion.masks[0],
        mean=mean_colour(context.learning),
        progress=lambda done, of: context.progress("trying every place", done, of, ""),
    )
    context.run.record("exhaustive", {"fill": plan.occlusion.masks[0], **found.numbers})


OCCLUSION = Step(
    key="occlusion",
    wanted=lambda context: "explain" in context.plan.steps and not context.plan.explained.methods,
    run=occlude,
)
EXHAUSTIVE = Step(
    key="exhaustive",
    wanted=lambda context: "explain" in context.plan.steps and bool(context.plan.patches.sizes),
    run=try_every_place,
)
