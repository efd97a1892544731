"""Explaining a split by named methods: choose, explain, test the methods, compare, show."""

from __future__ import annotations

from dataclasses import replace

from ironglass.data.dataset import Split
from ironglass.models.classifier import Classifier
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.progress import Tell
from ironglass.studies.steps.context import AuditContext, explained_patch
from ironglass.studies.steps.explanation.checks import compare_with_evidence, find_shortcuts
from ironglass.studies.steps.explanation.images import chosen_positions, explained_positions
from ironglass.studies.steps.explanation.pictures import write_pictures
from ironglass.studies.steps.explanation.results import judge_methods, write_explanation_results
from ironglass.studies.steps.explanation.run import Explanations, check_explained, run_explanations
from ironglass.studies.steps.explanation.samples import write_explained_samples
from ironglass.studies.steps.samples import draw_samples
from ironglass.studies.steps.step import Step
from ironglass.types import Logits


def explain_split(
    run: Run,
    plan: Audit,
    classifier: Classifier,
    split: Split,
    logits: Logits,
    *,
    name: str,
    patch: int,
    stride: int,
    progress: Tell,
    references: Split | None = None,
) -> None:
    """Writes `explanations/`, what came of it, and the images for the report, each part unless it is there.
    The last is `explained`: where that is recorded, all is done.

    logits: (n, k), of the split as it is; name: the split's; references: other images. Raises InputError where no
        image is left to explain.
    """
    predictions = logits.argmax(1).numpy()
    positions = explained_positions(plan, split, predictions, classifier.classes)
    explanations = Explanations(plan, classifier, split.take(positions), patch, stride, references)
    settings = explanations.settings
    if "explanations" not in run.results:
        run_explanations(run, explanations, progress)
        if settings.pictures:
            write_pictures(run, explanations, progress)
        write_explanation_results(run, explanations, split_name=name, progress=progress)
    if "shortcuts" not in run.results:
        find_shortcuts(run, explanations, progress)
    if "evidence" not in run.results:
        compare_with_evidence(run, explanations)
    if settings.quality and "quality" not in run.results:
        judge_methods(run, explanations, progress)
    if "explained" not in run.results:
        if settings.chosen:
            report_positions = chosen_positions(plan, split, classifier.classes)
        else:
            report_positions = positions[
                draw_samples(split.labels[positions], predictions[positions], plan.sampling.report_images, plan.seed)
            ]
        if len(report_positions):
            write_explained_samples(run, replace(explanations, split=split.take(report_positions)))
        run.record("explained", {"images": len(report_positions), "seed": plan.seed})


def _run(context: AuditContext) -> None:
    patch, stride = explained_patch(context.plan, context.patch, context.stride)
    explain_split(
        context.run,
        context.plan,
        context.classifier,
        context.split,
        context.logits(),
        name=context.split_name,
        patch=patch,
        stride=stride,
        progress=context.progress,
        references=context.learning,
    )


def _check(context: AuditContext) -> None:
    patch, _ = explained_patch(context.plan, context.patch, context.stride)
    check_explained(context.plan, context.classifier, context.split, patch)


EXPLANATION = Step(
    key="explained",
    wanted=lambda context: bool(context.plan.methods),
    check=_check,
    run=_run,
)
