"""The occlusion steps: accuracy under a sliding patch, and a search over every position of patches."""

from __future__ import annotations

from ironglass.measure.exhaustive_occlusion import occlusion_robustness
from ironglass.measure.occlusion import occlusion_accuracy
from ironglass.plans.parts import OcclusionCurve
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.samples import mean_colour
from ironglass.studies.steps.step import Step


def occlude(context: AuditContext) -> None:
    """Writes `occlusion` of the results."""
    assert context.plan.occlusion is not None
    accuracy = occlusion_accuracy(
        context.classifier,
        context.measured,
        patch=context.patch,
        stride=context.stride,
        masks=context.plan.occlusion.masks,
        mean=mean_colour(context.learning),
        progress=lambda done, of: context.progress("occluding", done, of, ""),
    )
    context.run.record("occlusion", accuracy)


def search_positions(context: AuditContext) -> None:
    """Writes `exhaustive` of the results."""
    patches, split = context.plan.patches, context.measured
    assert patches is not None
    occlusion = context.plan.occlusion or OcclusionCurve(masks=("grey",))
    fill = patches.fill or occlusion.masks[0]
    robustness = occlusion_robustness(
        context.classifier,
        split.take(spread_positions(len(split), patches.images)),
        patches.sizes,
        patches.stride or occlusion.stride or 1,
        fill,
        mean=mean_colour(context.learning),
        progress=lambda done, of: context.progress("trying every place", done, of, ""),
    )
    context.run.record("exhaustive", {"fill": fill, **robustness.numbers})


OCCLUSION = Step(
    key="occlusion",
    wanted=lambda context: context.plan.occlusion is not None,
    run=occlude,
)
EXHAUSTIVE = Step(
    key="exhaustive",
    wanted=lambda context: bool(context.plan.patches and context.plan.patches.sizes),
    run=search_positions,
)
