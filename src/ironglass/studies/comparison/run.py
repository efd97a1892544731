"""Several ways to train one model, told apart by attacks made on each, and by images made on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.data.dataset import Dataset, Split
from ironglass.measure.contrast import compared_settings
from ironglass.measure.statistics import holm, mcnemar
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_saved
from ironglass.plans.comparison import BASE, Comparison
from ironglass.results.codec import to_dict
from ironglass.run import Run
from ironglass.studies.audit import ready, run_audit
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.prepare import measured_split
from ironglass.studies.common.processes import refuse_several
from ironglass.studies.common.study import Study, replace_within
from ironglass.studies.comparison.gallery import write_gallery
from ironglass.studies.comparison.seeds import Flags, flags_of, seed_rows, train_further
from ironglass.studies.comparison.selection import attack_validation, is_attacked, selection_of
from ironglass.studies.comparison.transferred_images import write_transferred
from ironglass.studies.hardening.pairs import compared, naming_of
from ironglass.train.fit import check_recipe
from ironglass.train.record import as_json


def run_comparison(plan: Comparison, folder: Path, options: RunOptions) -> Run:
    """Audits every arm in the folder's `arms/NAME/`, shows each arm's adversarial images to all, and compares.

    Each arm is a run of its own with a report; the folder's has them side by side. Further seeds are in `seeds/`.
    Nothing is written before the data and the model have been checked for every arm.
    Raises InputError and KeyboardInterrupt as an audit does.
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
        drawn = "transferred" in run.results and run.read("gallery.json") is not None
        validation = _validation(plan, dataset)
        classifiers: dict[str, Classifier] = {}
        if not drawn or (validation and not all(map(is_attacked, runs.values()))):
            classifiers = {
                name: load_saved(arm.path, plans[name].model, **plans[name].options).to(context.device)
                for name, arm in runs.items()
            }
        if validation and classifiers:
            attack_validation(runs, plans, classifiers, validation, options.progress)
        further = train_further(run, plan, plans, validation, options)
        section = side_by_side(plan, runs, further)
        if validation:
            section["selection"] = to_dict(selection_of([runs, *further], section["pairs"], max(plan.attacks.eps)))
        run.record("comparison", section)
        if not drawn:
            run.record("transferred", write_transferred(run, plan, classifiers, dataset, options.progress))
            write_gallery(run, plan, classifiers, dataset, options.progress)
        options.write_pages(run)
    return run


def _validation(plan: Comparison, dataset: Dataset) -> Split | None:
    """Validation images that choose an arm; None where there are none, or they are what is measured."""
    validation = dataset.splits.get("validation", ())
    return None if not len(validation) or measured_split(plan.base, dataset)[0] == "validation" else dataset.validation


def side_by_side(
    plan: Comparison, runs: Mapping[str, Run], further: Sequence[Mapping[str, Run]] = ()
) -> dict[str, Any]:
    """The section `comparison` of the results: every arm's rows, each paired with the base's.

    further: the arms of each seed after the first. Raises InputError where two arms did not measure the same images.
    """
    arms = []
    flags = [flags_of(group, runs[BASE]) for group in (runs, *further)]
    for name, run in runs.items():
        pairs, results = compared(runs[BASE], run), run.results
        training = {key: results["training"][key] for key in ("stages", "seconds", "epochs", "best_epoch")}
        starts = [row["epoch"] for row, last in zip(run.history[1:], run.history, strict=False)
                  if row["stage"] != last["stage"]]  # fmt: skip
        arm = {"name": name, "label": plan.labels[name], "starts": starts, "alarms": pairs["alarms"]}
        arms.append(arm | training | {
            "rows": pairs["rows"], "corruptions": results.get("corruptions"), "evaluation": naming_of(run)
        } | (_seeds(name, flags, further) if further else {}))  # fmt: skip
    first = runs[BASE].results["attacks"]
    head = {"norm": first["norm"], "eps": first["eps"], "split": first["split"]}
    seeds = {"seeds": [plan.base.seed + number for number in range(plan.seeds)]} if further else {}
    return head | {"arms": arms, "pairs": _pairs(flags, first["eps"])} | seeds


def _seeds(name: str, flags: Sequence[Mapping[str, Flags]], further: Sequence[Mapping[str, Run]]) -> dict[str, Any]:
    """The keys of an arm that was trained by several seeds."""
    named = [naming for group in further if (naming := naming_of(group[name]))]
    return {"seeds": seed_rows(flags, name)} | ({"further": named} if len(named) == len(further) else {})


def _pairs(groups: Sequence[Mapping[str, Flags]], sizes: Sequence[float]) -> list[dict[str, Any]]:
    """Every two arms in the worst case of their attacks; the arms have attacked the same images."""
    return arm_pairs({
        eps: {name: [group[name].worst[eps] for group in groups] for name in groups[0]} for eps in sizes
    })  # fmt: skip


def arm_pairs(right: Mapping[float, Mapping[str, Sequence[np.ndarray]]]) -> list[dict[str, Any]]:
    """Every two arms at every eps, read together at each by Holm's procedure.

    right: by eps and arm, whether each image is right, bool (n,) for each seed, on the same images for all.
    """
    pairs: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for eps, flags in right.items():
        names = list(combinations(flags, 2))
        tests = [compared_settings(flags[first], flags[second]) for first, second in names]
        for (first, second), test, stands in zip(names, tests, holm([one["p"] for one in tests]), strict=True):
            one = mcnemar(flags[first][0], flags[second][0])
            row = {"first": first, "second": second, "eps": eps, "test": one, "stands": stands}
            if len(flags[first]) > 1:
                row["seeds"] = test
            pairs.setdefault((first, second), []).append(row)
    return [row for rows in pairs.values() for row in rows]


COMPARISON = Study(name="comparison", plan=Comparison, run=run_comparison, replace=replace_within("base"))
