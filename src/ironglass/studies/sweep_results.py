"""What stands under `sweep` in the results: a row a trial, and which trial is recommended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from ironglass.measure.statistics import holm, mcnemar
from ironglass.run import Run
from ironglass.studies.plan import Audit
from ironglass.studies.trial import Trial
from ironglass.train.recipe import stage_name
from ironglass.train.record import as_json

LEVEL = 0.05
"""Of Holm's test, by which a trial is told from the recommended one."""


def sweep_results(
    common: Audit,
    vary: Mapping[str, Sequence[Any]],
    trials: Sequence[Trial],
    root: Path,
    failed: Mapping[str, str],
    *,
    split: str,
    jobs: int,
) -> dict[str, Any]:
    """Every number of the sweep, from the runs of its trials in `root`. failed: why a trial has no run, by name."""
    rows, right = [], {}
    for trial in trials:
        row = {"name": trial.name, "folder": f"{root.name}/{trial.name}", "values": as_json(trial.values)}
        if trial.name in failed:
            rows.append(row | {"failed": failed[trial.name]})
            continue
        run = Run.open(root / trial.name)
        rows.append(row | trial_row(run))
        if "validation" in rows[-1]:
            right[trial.name] = _right(run)
    return {
        "axes": [{"field": path, "label": axis_label(common, path), "values": as_json(vary[path])} for path in vary],
        "split": split,
        "jobs": jobs,
        "attacks": {"names": list(common.attacks), "norm": common.norm, "eps": max(common.eps)}
        if common.attacks
        else None,
        "rows": rows,
        "recommended": recommended(rows, right),
    }


def axis_label(common: Audit, path: str) -> str:
    """What a varied field is called in the report: "learning rate (head)"."""
    words = path.split(".")
    if words[0] == "stages" and len(words) > 2:
        what = "learning rate" if words[2] == "peak_lr" else " ".join(words[2:]).replace("_", " ")
        return f"{what} ({stage_name(common.stages, int(words[1]))})" if len(common.stages) > 1 else what
    return " ".join(words).replace("_", " ")


def trial_row(run: Run) -> dict[str, Any]:
    """A trial's numbers, from the results of its run; of one that diverged, those that there are."""
    results = run.results
    found, model = results["trial"], results["model"]
    row = {"parameters": model["parameters"], "multiply_adds": model["multiply_adds"]}
    if "diverged" in found:
        return row | found
    training, history = results["training"], run.history
    seconds = sum(epoch["seconds"] for epoch in history)
    seen = sum(epoch["seconds"] * epoch["images_per_second"] for epoch in history)
    row |= {
        "validation": found["validation"],
        "validation_loss": found["validation_loss"],
        "training": found["training"],
        "gap": found["training"]["value"] - found["validation"]["value"],
        "measured": results["evaluation"]["accuracy"],
        "epochs": training["epochs"],
        "best_epoch": training["best_epoch"],
        "seconds": training["seconds"],
        "training_images_per_second": round(seen / seconds, 1) if seconds else None,
        "inference_images_per_second": found["images_per_second"],
        "skipped": training["skipped"],
        "rollbacks": len(training["rollbacks"]),
    }
    if attacks := results.get("attacks"):
        row["robust"] = max(attacks["worst"], key=lambda point: point["eps"])
    return row


def recommended(rows: Sequence[dict[str, Any]], right: Mapping[str, np.ndarray]) -> dict[str, Any] | None:
    """The trial of highest validation accuracy, of lower loss where equal, and those that may be as good.

    right: whether each validation image is named right, by trial. Every other trial is paired with the recommended one
    (McNemar); it is alike where Holm's test over all pairs cannot tell them apart. None where no trial was measured.
    """
    measured = [row for row in rows if "validation" in row]
    if not measured:
        return None
    best = max(measured, key=lambda row: (row["validation"]["value"], -row["validation_loss"]))["name"]
    others = [row["name"] for row in measured if row["name"] != best]
    tests = {name: mcnemar(right[best], right[name]) for name in others}
    told = holm([tests[name]["p"] for name in others], LEVEL)
    alike = [name for name, apart in zip(others, told, strict=True) if not apart]
    return {"trial": best, "level": LEVEL, "alike": alike, "tests": tests}


def _right(run: Run) -> np.ndarray:
    """Whether each validation image is named right, in the images' order."""
    table = pq.read_table(run.path / "per_image" / "validation.parquet", columns=["name", "correct"])
    order = np.argsort(np.asarray(table["name"].to_pylist()), kind="stable")
    return np.asarray(table["correct"])[order]
