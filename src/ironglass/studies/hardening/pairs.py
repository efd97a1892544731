"""A hardening in pairs: every condition before and after, on the same images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ironglass.errors import InputError
from ironglass.measure.statistics import counted_rate, mcnemar
from ironglass.run import Run
from ironglass.studies.common.stored import read_table

SIDES = ("before", "after")


def compared(before: Run, after: Run) -> dict[str, Any]:
    """The section `hardening` of the results: every condition on both sides, paired image by image.

    Raises InputError where the two runs did not measure the same images.
    """
    sides = (before, after)
    clean = [image_rows(run, "clean") for run in sides]
    attacked = [image_rows(run, "attacks") for run in sides]
    first, second = (run.results["attacks"] for run in sides)
    measured = [(run["norm"], run["eps"], [entry["name"] for entry in run["attacks"]]) for run in (first, second)]
    if measured[0] != measured[1] or attacked[0]["name"] != attacked[1]["name"]:
        raise InputError("before and after were attacked differently, or on different images: start in a new folder")
    rows = [{"name": "clean", "label": "unchanged images", "eps": 0.0, **_paired(*clean)}]
    for one, other in zip(first["attacks"], second["attacks"], strict=True):
        for eps in first["eps"]:
            tables = [under(table, one["name"], eps) for table in attacked]
            verdicts = [_point(entry["points"], eps)["verdict"] for entry in (one, other)]
            rows.append({"name": one["name"], "label": one["label"], "eps": eps, **_paired(*tables, verdicts=verdicts)})
    for eps in first["eps"]:
        tables = [worst_case(table, eps) for table in attacked]
        verdicts = [_point(entry["worst"], eps)["verdict"] for entry in (first, second)]
        rows.append({"name": "worst", "label": "worst case of each image", "eps": eps}
                    | _paired(*tables, verdicts=verdicts))  # fmt: skip
    history, watch = after.history, after.results["training"].get("watch")
    return {
        "norm": first["norm"],
        "eps": first["eps"],
        "split": first["split"],
        "stages": after.results["training"]["stages"],
        "seconds": {
            side: run.results.get("training", {}).get("seconds") for side, run in zip(SIDES, sides, strict=True)
        },
        "guard": _guard(after, watch),
        "evaluations": {side: naming for side, run in zip(SIDES, sides, strict=True) if (naming := naming_of(run))},
        "alarms": [row["epoch"] for row in history if row.get("alarm")],
        "watched": [
            {key: row[key] for key in ("epoch", "pgd_accuracy", "fgsm_accuracy", "validation_accuracy")}
            for row in history
            if "pgd_accuracy" in row
        ],
        "rows": rows,
    }


def _guard(after: Run, watch: dict[str, Any] | None) -> str:
    if after.read_object("recipe.json").get("guard", {}).get("mode") == "off":
        return "off"
    return "on" if watch is None or watch.get("alarms", True) else watch["merit"]


def naming_of(run: Run) -> dict[str, Any] | None:
    """Evidence of a constant predictor in a run's evaluation: `accuracy` and `naming`."""
    evaluation = run.results.get("evaluation", {})
    return {key: evaluation[key] for key in ("accuracy", "naming")} if "naming" in evaluation else None


def image_rows(run: Run, name: str) -> pa.Table:
    """Rows of `per_image/NAME.parquet`: name, condition, eps, label and correct."""
    columns = ["name", "condition", "eps", "label", "correct"]
    return read_table(run.path / "per_image" / f"{name}.parquet", columns=columns)


def under(table: pa.Table, condition: str, eps: float) -> pa.Table:
    """The rows of one attack at one eps."""
    mask = np.asarray(table["condition"]) == condition
    return table.filter(pa.array(mask & (np.asarray(table["eps"]) == eps)))


def worst_case(table: pa.Table, eps: float) -> pa.Table:
    """An image is right where it is under every attack at this eps."""
    parts = [under(table, name, eps) for name in dict.fromkeys(table["condition"].to_pylist())]
    right = np.logical_and.reduce([np.asarray(part["correct"]) for part in parts])
    return parts[0].set_column(parts[0].schema.get_field_index("correct"), "correct", pa.array(right))


def _point(points: list[dict[str, Any]], eps: float) -> dict[str, Any]:
    return next(point for point in points if point["eps"] == eps)


def _paired(before: pa.Table, after: pa.Table, verdicts: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    right = [np.asarray(table["correct"]) for table in (before, after)]
    rates = [counted_rate(int(one.sum()), len(one)) for one in right]
    pair: dict[str, Any] = {"before": rates[0], "after": rates[1], "test": mcnemar(*right)}
    return pair | ({"verdicts": dict(zip(SIDES, verdicts, strict=True))} if verdicts else {})
