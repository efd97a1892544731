"""The whole loop once: data and model loaded, then every step that the plan asks for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ironglass.models.summary import summarise
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Against
from ironglass.run import Run
from ironglass.studies.common.environment import environment, write_environment
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.processes import join_processes
from ironglass.studies.common.resumed import check_resumed
from ironglass.studies.common.study import Study
from ironglass.studies.steps.context import AuditContext, make_context
from ironglass.studies.steps.registry import STEPS
from ironglass.train.record import as_json


def run_audit(plan: Audit, folder: Path, options: RunOptions) -> Run:
    """Runs the plan's steps and writes the run folder with its report; to resume, only what is not yet there.

    Nothing is written before the data and the model have been loaded and fit each other. Raises InputError for what is
    wrong with the plan, KeyboardInterrupt when interrupted: the same call with `resume` then goes on.
    """
    context = ready(plan, folder, options)
    if context.unlabelled:  # right by its making, so nothing to evaluate
        plan = replace(plan, evaluation=False, corruptions=None, data_checks=False, against=None)
        context = replace(context, plan=plan)
    summary, numbers = summarise(context.classifier)

    context = replace(context, team=join_processes(context.device))
    if context.team.rank > 0:
        return _help(context)
    with Run.hold(folder, as_json(plan), resume=options.resume) as run:
        context.team.agree((str(run.path), [step.key for step in STEPS if step.help and step.waits(context)]))
        check_resumed(run, context.classifier, context.dataset, trains=plan.training)
        fingerprint = context.dataset.fingerprint
        write_environment(run, environment(device=context.device, seed=plan.seed, fingerprint=fingerprint))
        run.write("data.json", context.dataset.describe())
        run.write_text("model_summary.txt", summary + "\n")
        run.record("model", numbers)
        for step in STEPS:
            if step.waits(context):
                step.run(context)
    return run


def ready(plan: Audit, folder: Path, options: RunOptions) -> AuditContext:
    """The plan's classifier and data, checked against all that the plan asks of them. Raises InputError."""
    context = make_context(plan, folder, options)
    for step in STEPS:
        step.check(context)
    return context


def _help(context: AuditContext) -> Run:
    """Runs a non-zero rank under `accelerate launch`: its part of the steps that rank 0 names."""
    folder, keys = context.team.agree(("", list[str]()))
    context = replace(context, folder=Path(folder))
    for step in STEPS:
        if step.help and step.key in keys:
            step.help(context)
    return context.run


def _against(plan: Audit, data: str) -> Audit:
    """The plan against other data, with the rest of that part."""
    return replace(plan, against=replace(plan.against or Against(), data=data))


AUDIT = Study(name="audit", plan=Audit, run=run_audit, own_options={"against": _against})
