"""The certification step: what is proved at each eps, and what an attack leaves of the rest."""

from __future__ import annotations

from ironglass.certify import Smoothing
from ironglass.certify.grid_noise import on_grid
from ironglass.engine.bounds.graph import bound_graph
from ironglass.errors import InputError
from ironglass.measure.robustness.bracket import BracketSettings, bracket
from ironglass.models.predict import batches
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step


def check_certification(context: AuditContext) -> None:
    """Raises InputError, before any work, for a network or images that the method is not for."""
    plan = context.plan.certification
    if plan is None:
        return
    if plan.method == "smoothing":
        on_grid(next(batches(context.measured.take(slice(0, 1)), 1, context.device))[0])
        return
    graph = bound_graph(context.classifier, context.dataset.size)
    if plan.method == "linear" and not graph.is_affine:
        raise InputError("the network is not linear in the image: certify it by auto, interval, crown-ibp or crown")


def certify_split(context: AuditContext) -> None:
    """Writes `certification` of the results."""
    plan, split = context.plan.certification, context.measured
    assert plan is not None
    smoothing = None
    if plan.method == "smoothing":
        smoothing = Smoothing(sigma=plan.sigma, draws=plan.draws, alpha=plan.alpha, seed=context.plan.seed)
    settings = BracketSettings(
        norm=plan.norm, eps=plan.eps, method=plan.method, attack=plan.attack, smoothing=smoothing,
        seed=context.plan.seed,
    )  # fmt: skip
    images, labels = next(batches(split, len(split), context.classifier.device))
    numbers = bracket(
        context.classifier, images, labels, settings, lambda done, of: context.progress("certifying", done, of, "")
    )
    context.run.record("certification", numbers)


CERTIFICATION = Step(
    key="certification",
    wanted=lambda context: context.plan.certification is not None,
    check=check_certification,
    run=certify_split,
)
