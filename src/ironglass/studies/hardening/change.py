"""Measurements of a hardening beyond its pairs: method and cost, accuracy over eps, classes, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ironglass.models.loading.load import load_saved
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.results.codec import to_dict
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.hardening import curve, pictures
from ironglass.studies.hardening.classes import class_changes
from ironglass.studies.hardening.methods import methods_of
from ironglass.studies.hardening.pairs import SIDES
from ironglass.studies.steps.context import make_context


def changes(
    run: Run, plan: Hardening, parts: Mapping[str, Audit], sides: Mapping[str, Run], options: RunOptions
) -> dict[str, Any]:
    """Further keys of the section `hardening`; measured once, and taken from the folder where they have been.

    parts: the plan of each side. Writes `per_image/curve.parquet`, `hardened.json` and `hardened.safetensors`.
    """
    recorded = run.results.get("hardening", {})
    curve_path = run.path / "per_image" / f"{curve.FILE}.parquet"
    waits = not (recorded.get("methods") and (curve_path.is_file() or not plan.curve_images))
    methods = recorded.get("methods", [])
    if waits or run.read(f"{pictures.FILE}.json") is None:
        context = make_context(parts["after"], sides["after"].path, options)
        classifiers = {
            side: load_saved(sides[side].path, parts[side].model, **parts[side].options).to(context.device)
            for side in SIDES
        }
        if plan.curve_images and not curve_path.is_file():
            curve.write_curve(run, plan, sides, classifiers, context.measured, options.progress)
        pictures.write_pictures(run, plan, sides, classifiers, context.measured)
        stages = parts["after"].stages
        methods = [to_dict(one) for one in methods_of(stages, classifiers["after"], context.dataset.train)]
    further: dict[str, Any] = {
        "methods": methods,
        "classes": [to_dict(one) for one in class_changes(*(sides[side] for side in SIDES))],
    }
    if plan.curve_images:
        further["curve"] = to_dict(curve.curve_of(run, plan.attacks))
    if stages_before := sides["before"].results.get("training", {}).get("stages"):
        further["stages_before"] = stages_before
    return further
