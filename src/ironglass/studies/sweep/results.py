"""The section `sweep` of the results: a row a trial, and the recommended trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.measure.contrast import compared_settings
from ironglass.measure.statistics import holm, mean_interval
from ironglass.plans.audit import Audit
from ironglass.plans.sweep import ChooseBy, Sweep, Trial
from ironglass.run import Run
from ironglass.studies.common.objective_names import short_name
from ironglass.studies.common.stored import read_table
from ironglass.studies.steps.attack.held_out import FILE
from ironglass.studies.sweep.settings import settings_of
from ironglass.train.recipe import stage_name
from ironglass.train.record import as_json

LEVEL = 0.05
"""Of Holm's test, by which a trial is told from the recommended one."""


def sweep_results(
    plan: Sweep,
    trials: Sequence[Trial],
    root: Path,
    failed: Mapping[str, str],
    *,
    split: str,
    jobs: int,
) -> dict[str, Any]:
    """Every number of the sweep, from the runs of its trials in `root`. failed: why a trial has no run, by name."""
    common, vary, rows = plan.trial, plan.vary, list[dict[str, Any]]()
    runs: dict[str, Run] = {}
    for trial in trials:
        row = {"name": trial.name, "folder": f"{root.name}/{trial.name}", "values": as_json(trial.values)}
        if trial.name in failed:
            rows.append(row | {"failed": failed[trial.name]})
            continue
        run = Run.open(root / trial.name)
        rows.append(row | trial_row(run))
        if "validation" in rows[-1]:
            runs[trial.name] = run
    held_out = plan.attacks_validation and all("robust_validation" in row for row in rows if "validation" in row)
    right = {name: _right(run, FILE if held_out else "validation") for name, run in runs.items()}
    groups = settings_of(rows, list(vary))
    return {
        "axes": [_axis(common, path, vary[path]) for path in vary],
        "split": split,
        "jobs": jobs,
        "attacks": None
        if (attacks := common.named_attacks) is None
        else {"names": list(attacks.methods), "norm": attacks.norm, "eps": max(attacks.eps)},
        "rows": rows,
        "settings": [spread for names in groups if (spread := _spread(rows, names))],
        "recommended": recommended(rows, right, groups, choose_by=plan.choose_by),
    }


def _axis(common: Audit, path: str, values: Sequence[Any]) -> dict[str, Any]:
    """A varied field, with short names of values that are objectives and the like."""
    names = [short_name(value) for value in values] if path.endswith("objective") else []
    axis = {"field": path, "label": axis_label(common, path), "values": as_json(values)}
    return axis | ({"names": names} if all(names) and len({*names}) == len(values) else {})


def axis_label(common: Audit, path: str) -> str:
    """Label of a varied field in the report: "learning rate (head)"."""
    words = path.split(".")
    if words[0] == "stages" and len(words) > 2:
        label = "learning rate" if words[2] == "peak_lr" else " ".join(words[2:]).replace("_", " ")
        return f"{label} ({stage_name(common.stages, int(words[1]))})" if len(common.stages) > 1 else label
    return " ".join(words).replace("_", " ")


def trial_row(run: Run) -> dict[str, Any]:
    """A trial's numbers, from the results of its run; of one that diverged, those that there are."""
    results = run.results
    trial, model = results["trial"], results["model"]
    row = {"parameters": model["parameters"], "multiply_adds": model["multiply_adds"]}
    if "diverged" in trial:
        return row | trial
    training, history = results["training"], run.history
    seconds = sum(epoch["seconds"] for epoch in history)
    images = sum(epoch["seconds"] * epoch["images_per_second"] for epoch in history)
    row |= {
        "validation": trial["validation"],
        "validation_loss": trial["validation_loss"],
        "training": trial["training"],
        "gap": trial["training"]["value"] - trial["validation"]["value"],
        "measured": results["evaluation"]["accuracy"],
        "epochs": training["epochs"],
        "best_epoch": training["best_epoch"],
        "seconds": training["seconds"],
        "training_images_per_second": round(images / seconds, 1) if seconds else None,
        "inference_images_per_second": trial["images_per_second"],
        "skipped": training["skipped"],
        "rollbacks": len(training["rollbacks"]),
    }
    if "robust_validation" in trial:
        row["robust_validation"] = trial["robust_validation"]
    if "naming" in results["evaluation"]:
        row["naming"] = results["evaluation"]["naming"]
    if attacks := results.get("attacks"):
        row["robust"] = max(attacks["worst"], key=lambda point: point["eps"])
    return row


def recommended(
    rows: Sequence[dict[str, Any]],
    right: Mapping[str, np.ndarray],
    settings: Sequence[Sequence[str]] | None = None,
    *,
    choose_by: ChooseBy = "auto",
) -> dict[str, Any] | None:
    """The trial to take: of the setting of highest accuracy on validation images, averaged over its seeds, the highest;
    where equal by validation accuracy and lower loss. And the trials of other settings that may be as good.

    right: whether each validation image is named right, by trial; under attack where every measured row has
    `robust_validation` and the choice is not by clean images. settings: names of the trials of each; None for one a
    trial. choose_by: as `Sweep` takes it; by "pareto" the trial's setting is one that none beats both unchanged and
    under attack, and `front` names the best trials of all of these.
    Every other setting, named by its own best trial, is compared with the recommended one; it is alike where Holm's
    test over all pairs cannot tell them apart. None where no trial was measured.
    """
    measured = {row["name"]: row for row in rows if "validation" in row}
    if not measured:
        return None
    robust = choose_by != "clean" and all("robust_validation" in row for row in measured.values())
    key = "robust_validation" if robust else "validation"

    def merit(name: str) -> tuple[float, float, float]:
        row = measured[name]
        return row[key]["value"], row["validation"]["value"], -row["validation_loss"]

    named = [[name for name in names if name in measured] for names in settings or [[name] for name in measured]]
    groups = {max(names, key=merit): names for names in named if names}
    means = {name: tuple(np.mean([merit(one) for one in groups[name]], axis=0).tolist()) for name in groups}
    front: list[str] = []
    if robust and choose_by == "pareto":
        front = undominated({name: mean[:2] for name, mean in means.items()})
    best = max(front, key=lambda name: sum(means[name][:2])) if front else max(groups, key=means.__getitem__)
    others = [name for name in groups if name != best]
    flags = {name: [right[one] for one in names] for name, names in groups.items()}
    tests = {name: compared_settings(flags[best], flags[name]) for name in others}
    rejected = holm([tests[name]["p"] for name in others], LEVEL)
    similar = [name for name, apart in zip(others, rejected, strict=True) if not apart]
    result = {"trial": best, "level": LEVEL, "criterion": "pareto" if front else key, "alike": similar, "tests": tests}
    if front:
        result["front"] = front
    return result | ({"same": [name for name in groups[best] if name != best]} if len(groups[best]) > 1 else {})


def undominated(points: Mapping[str, Sequence[float]]) -> list[str]:
    """The names of points that no other is at least as high as in every coordinate and higher in one (Pareto)."""

    def beats(one: Sequence[float], other: Sequence[float]) -> bool:
        return all(x >= y for x, y in zip(one, other, strict=True)) and tuple(one) != tuple(other)

    return [name for name, point in points.items() if not any(beats(other, point) for other in points.values())]


def _spread(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, Any] | None:
    """A setting that was trained by several seeds: its trials, and the mean and range of what they are chosen by."""
    measured = [row for row in rows if row["name"] in names and "validation" in row]
    if len(measured) < 2:
        return None
    spread: dict[str, Any] = {"trials": [row["name"] for row in measured]}
    for key in ("validation", "robust_validation", "measured", "robust"):
        rates = [row[key]["accuracy"] if key == "robust" else row[key] for row in measured if row.get(key)]
        values = np.array([rate["value"] for rate in rates])
        if len(values) == len(measured):
            interval = mean_interval(values, within=(0.0, 1.0))
            spread[key] = {"mean": dict(interval), "lowest": float(values.min()), "highest": float(values.max())}
    return spread


def _right(run: Run, name: str) -> np.ndarray:
    """Correctness of each validation image, in the images' order."""
    table = read_table(run.path / "per_image" / f"{name}.parquet", columns=["name", "correct"])
    order = np.argsort(np.asarray(table["name"].to_pylist()), kind="stable")
    return np.asarray(table["correct"])[order]
