"""The training step: the network is trained, or kept as it came."""

from __future__ import annotations

from ironglass.models.loading.save import save_classifier
from ironglass.studies.common.progress import training_line
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.guard import guard_of
from ironglass.studies.steps.step import Step
from ironglass.train.fit import check_recipe, fit


def check_training(context: AuditContext) -> None:
    """Raises InputError for stages that the network or the data do not allow."""
    if context.plan.training:
        check_recipe(context.classifier, context.dataset, context.plan)


def train_or_keep(context: AuditContext) -> None:
    """Trains the classifier, or takes from the folder what has been trained; else writes its files there."""
    plan = context.plan
    if not plan.training:
        save_classifier(context.classifier, context.folder)
        return
    fit(
        context.classifier,
        context.dataset,
        plan,
        context.folder,
        resume=True,
        progress=lambda status: context.progress(*training_line(status)),
        watch=guard_of(plan, context.dataset),
    )


def train_along(context: AuditContext) -> None:
    """Trains with the first process, in silence."""
    plan, dataset = context.plan, context.dataset
    if plan.training:
        fit(
            context.classifier,
            dataset,
            plan,
            context.folder,
            resume=True,
            progress=False,
            watch=guard_of(plan, dataset),
        )


TRAINING = Step(
    key="training",
    wanted=lambda context: True,
    check=check_training,
    run=train_or_keep,
    resumes_itself=True,
    help=train_along,
)
