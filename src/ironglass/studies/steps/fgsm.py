"""The FGSM step: the curve of accuracy over eps, where no attack is named."""

from __future__ import annotations

from ironglass.measure.per_image import per_image, recorded_least_share, write_per_image
from ironglass.measure.robustness.attack import fgsm_curve
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step


def draw_fgsm_curve(context: AuditContext) -> None:
    """Writes `per_image/fgsm.parquet` and `fgsm` of the results."""
    run, classifier, split = context.run, context.classifier, context.measured
    attacks = context.plan.attacks
    assert attacks is not None
    curve = fgsm_curve(
        classifier,
        split,
        attacks.eps,
        progress=lambda done, of: context.progress("attacking with FGSM", done, of, ""),
    )
    least = recorded_least_share(run)
    tables = [
        per_image(split, classifier, point.logits, condition="fgsm", eps=point.eps, linf=point.linf, least_share=least)
        for point in curve.points
    ]
    write_per_image(run, "fgsm", tables)
    run.record("fgsm", curve.numbers)


FGSM_CURVE = Step(
    key="fgsm",
    wanted=lambda context: context.plan.attacks is not None and not context.plan.attacks.methods,
    run=draw_fgsm_curve,
)
