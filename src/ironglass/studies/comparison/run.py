"""Several ways to train one model, told apart by attacks made on each, and by images made on another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from ironglass.measure.statistics import holm
from ironglass.models.loading.load import load_saved
from ironglass.plans.comparison import BASE, Comparison
from ironglass.run import Run
from ironglass.studies.audit import ready, run_audit
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.processes import refuse_several
from ironglass.studies.common.study import Study, replace_within
from ironglass.studies.comparison.gallery import write_gallery
from ironglass.studies.comparison.transferred_images import write_transferred
from ironglass.studies.hardening.pairs import compared, naming_of
from ironglass.train.fit import check_recipe
from ironglass.train.record import as_json


def run_comparison(plan: Comparison, folder: Path, options: RunOptions) -> Run:
    """Audits every arm in the folder's `arms/NAME/`, shows each arm's adversarial images to all, and compares.

    Each arm is a run of its own with a report; the folder's has them side by side. Nothing is written before the data
    and the model have been checked for every arm. Raises InputError and KeyboardInterrupt as an audit does.
    """
    refuse_several("a comparison")
    plans = {name: replace(plan.base, stages=stages) for name, stages in plan.plans.items()}
    context = ready(plan.base, folder / "arms" / BASE, options)
    classifier, dataset = context.classifier, context.dataset
    for part in plans.values():  # which differ in their stages only
        check_recipe(classifier, dataset, part)
    base, runs = plan.base, dict[str, Run]()
    description = base.description or "One network trained in several ways, and what each withstands."
    header = {"name": base.name, "description": description, "model": base.model, "dataset": base.dataset}
    with Run.hold(folder, header | {"seed": base.seed, **as_json(plan)}, resume=options.resume) as run:
        for name, part in plans.items():
            part = replace(part, name=name, description=f"{base.name}, the arm {plan.labels[name]!r}.")
            runs[name] = run_audit(part, run.path / "arms" / name, options.for_part(name))
        for name in ("data.json", "environment.json"):
            run.write(name, runs[BASE].read(name))
        run.record("model", runs[BASE].results["model"])
        run.record("comparison", side_by_side(plan, runs))
        if "transferred" not in run.results or run.read("gallery.json") is None:
            classifiers = {
                name: load_saved(arm.path, plans[name].model, **plans[name].options).to(context.device)
                for name, arm in runs.items()
            }
            run.record("transferred", write_transferred(run, plan, classifiers, dataset, options.progress))
            write_gallery(run, plan, classifiers, dataset, options.progress)
        options.write_pages(run)
    return run


def side_by_side(plan: Comparison, runs: Mapping[str, Run]) -> dict[str, Any]:
    """The section `comparison` of the results: every arm's rows, each paired with the base's.

    Raises InputError where two arms did not measure the same images.
    """
    arms = []
    for name, run in runs.items():
        pairs, results = compared(runs[BASE], run), run.results
        training = {key: results["training"][key] for key in ("stages", "seconds", "epochs", "best_epoch")}
        starts = [row["epoch"] for row, last in zip(run.history[1:], run.history, strict=False)
                  if row["stage"] != last["stage"]]  # fmt: skip
        arm = {"name": name, "label": plan.labels[name], "starts": starts, "alarms": pairs["alarms"]}
        arms.append(arm | training | {
            "rows": pairs["rows"], "corruptions": results.get("corruptions"), "evaluation": naming_of(run)
        })  # fmt: skip
    first = runs[BASE].results["attacks"]
    head = {"norm": first["norm"], "eps": first["eps"], "split": first["split"]}
    return head | {"arms": arms, "pairs": _pairs(runs)}


def _pairs(runs: Mapping[str, Run]) -> list[dict[str, Any]]:
    """Every two arms in the worst case of their attacks, at each eps read together by Holm's procedure."""
    pairs = [
        {"first": first, "second": second, "eps": row["eps"], "test": row["test"]}
        for first, second in combinations(runs, 2)
        for row in compared(runs[first], runs[second])["rows"]
        if row["name"] == "worst"
    ]
    by_eps = {pair["eps"]: [other for other in pairs if other["eps"] == pair["eps"]] for pair in pairs}
    for group in by_eps.values():
        for pair, stands in zip(group, holm([pair["test"]["p"] for pair in group]), strict=True):
            pair["stands"] = stands
    return pairs


COMPARISON = Study(name="comparison", plan=Comparison, run=run_comparison, replace=replace_within("base"))
