"""Hardening: a classifier before and after, attacked in the same way on the same images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ironglass.errors import InputError
from ironglass.harden.metadata import eps_of
from ironglass.models.loading.native import knows_classes
from ironglass.plans.audit import only_parts
from ironglass.plans.hardening import Hardening
from ironglass.run import Run
from ironglass.studies.audit import ready, run_audit
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.processes import refuse_several
from ironglass.studies.common.study import Study, replace_within
from ironglass.studies.hardening.change import changes
from ironglass.studies.hardening.pairs import compared
from ironglass.studies.hardening.seeds import seed_results
from ironglass.train.record import as_json


def run_hardening(plan: Hardening, folder: Path, options: RunOptions) -> Run:
    """Audits the model before and after, in the folder's `before/` and `after/`, and compares the two in pairs.

    Each side is a run of its own with a report; the folder's has both. Further seeds are trained in `seeds/`. Nothing
    is written before both sides' data and model have been loaded and checked. Raises InputError and KeyboardInterrupt
    as an audit does.
    """
    refuse_several("hardening")
    audit, attacks = plan.after, plan.attacks
    unsaid = any(eps_of(stage.objective) is None for stage in audit.stages)
    if audit.guard.eps is None and attacks.norm == "linf" and unsaid:
        audit = replace(audit, guard=replace(audit.guard, eps=max(attacks.eps)))
    weighted = knows_classes(audit.model, weighted=audit.pretrained or audit.weights is not None)
    if not weighted and not plan.baseline:
        raise InputError(f"{audit.model} has no trained weights to compare with: give a run folder, or a baseline")
    measured = only_parts(
        data_checks=audit.data_checks, evaluation=True, corruptions=audit.corruptions, attacks=attacks
    )
    sides = {
        "before": replace(audit, **measured | {"training": not weighted, "stages": plan.baseline or audit.stages}),
        "after": replace(audit, **measured | {"training": True}),
    }
    for side, part in sides.items():
        ready(part, folder / side, options)
    description = audit.description or "What it takes to fool it before and after hardening, on the same images."
    header = {"name": audit.name, "description": description, "model": audit.model, "dataset": audit.dataset}
    with Run.hold(folder, header | {"seed": audit.seed, **as_json(plan)}, resume=options.resume) as run:
        runs = {}
        for side, part in sides.items():
            part = replace(part, name=side, description=f"{audit.name}: the model {side} hardening.")
            runs[side] = run_audit(part, run.path / side, options.for_part(side))
        for name in ("data.json", "environment.json"):
            run.write(name, runs["after"].read(name))
        run.record("model", runs["after"].results["model"])
        pairs = compared(runs["before"], runs["after"])
        further = changes(run, plan, sides, runs, options)
        run.record("hardening", pairs | further | seed_results(run, plan, sides, pairs, runs["before"], options))
        options.write_pages(run)
    return run


HARDENING = Study(name="hardening", plan=Hardening, run=run_hardening, replace=replace_within("after"))
