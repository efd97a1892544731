"""The confidence steps: the worth of the probabilities of the measured split, and of its changed images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from ironglass.data.corruptions.corrupt import SEVERITIES
from ironglass.data.dataset import Split
from ironglass.measure.accuracy import finite_logits
from ironglass.measure.confidence.confidence import condition_numbers, confidence_numbers
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of, predicted
from ironglass.models.temperature import FILE
from ironglass.run import Run
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step
from ironglass.types import Logits

COLUMNS = ("confidence", "correct", "prediction", "eps", "condition")
RECORDED = ("true_confidence", "set_size")


def measure_confidence(context: AuditContext) -> None:
    """Writes `confidence` of the results, and `temperature.json` where there are validation images; nothing where an
    image is not judged."""
    outputs = context.logits()
    if bool((predicted(outputs) < 0).any()):
        return
    split = context.split
    validation = _validation(context)
    numbers = confidence_numbers(
        _logits(context.classifier, outputs), split.labels, validation, split=context.split_name
    )
    if numbers["temperature"] is not None:
        facts = {"temperature": numbers["temperature"]["value"], "images": numbers["temperature"]["fitted"]}
        context.run.write(FILE, {**facts, "split": "validation"})
    context.run.record("confidence", numbers)


def _validation(context: AuditContext) -> tuple[np.ndarray, np.ndarray] | None:
    """Logits and labels of the validation images; None without any, or where these are measured, or not all judged."""
    if "validation" not in context.dataset.splits or context.split_name == "validation":
        return None
    split: Split = context.dataset.validation
    if not len(split):
        return None
    outputs = logits_of(
        context.classifier, split, progress=lambda done, of: context.progress("calibrating", done, of, "")
    )
    if bool((predicted(outputs) < 0).any()):
        return None
    return _logits(context.classifier, outputs), split.labels


def _logits(classifier: Classifier, outputs: Logits) -> np.ndarray:
    """Logits in 64 bits, an infinite one replaced by the largest number of the network's type."""
    return finite_logits(classifier, outputs).to(torch.float64).numpy()


def measure_confidence_under(context: AuditContext) -> None:
    """Writes `confidence_under` of the results, from the tables of the unchanged, corrupted and attacked images."""
    run = context.run
    sets = run.results["confidence"]["sets"]
    facts = [
        {
            "kind": "clean",
            "condition": "clean",
            "label": "unchanged images",
            "severity": None,
            "eps": None,
            "norm": None,
        }
    ]
    tables = [run.path / "per_image" / "clean.parquet"]
    for row in run.results.get("corruptions", {}).get("corruptions", []):
        tables.append(run.path / "per_image" / "corruptions" / f"{row['name']}.parquet")
        facts.append(
            {**facts[0], "kind": "corruption", "condition": row["name"], "label": row["label"],
             "severity": SEVERITIES[-1]}
        )  # fmt: skip
    for name, table in (("attacks", "attacks"), ("fgsm", "fgsm")):
        for attack in _attacked(run, name):
            tables.append(run.path / "per_image" / f"{table}.parquet")
            facts.append({**facts[0], "kind": "attack", **attack})
    rows: list[dict[str, Any]] = [
        {**fact, **numbers}
        for fact, path in zip(facts, tables, strict=True)
        if (numbers := _condition(path, fact, sets)) is not None
    ]
    if sets and rows and rows[0]["kind"] == "clean":  # whose table was written before there were sets
        rows[0] |= {"coverage": sets["coverage"], "size": sets["size"]}
    run.record("confidence_under", {"level": sets["level"] if sets else None, "rows": rows})


def _attacked(run: Run, section: str) -> list[dict[str, Any]]:
    """The attacks at each eps above 0: of the named ones, or FGSM's curve where none was named."""
    results = run.results.get(section)
    if results is None or (section == "fgsm" and "attacks" in run.results):
        return []
    if section == "fgsm":
        shared = {"condition": "fgsm", "label": "FGSM", "norm": results["norm"]}
        return [{**shared, "eps": point["eps"]} for point in results["points"] if point["eps"]]
    return [
        {"condition": row["name"], "label": row["label"], "eps": point["eps"], "norm": results["norm"]}
        for row in results["attacks"]
        for point in row["points"]
        if point["eps"]
    ]


def _condition(path: Path, fact: dict[str, Any], sets: Any) -> dict[str, Any] | None:
    """The numbers of one condition; None where its table is not there, has no such rows, or an image is not judged."""
    if not path.is_file():
        return None
    columns = pq.read_schema(path).names
    recorded = [name for name in RECORDED if name in columns]
    extra = ["severity"] if "severity" in columns else []
    table = pq.read_table(path, columns=[*COLUMNS, *recorded, *extra])
    values = {name: np.asarray(table[name].to_pylist()) for name in table.column_names}
    here = np.ones(len(table), dtype=bool)
    if fact["severity"] is not None:
        here &= values["severity"] == fact["severity"]
    if fact["eps"] is not None:
        here &= (values["condition"] == fact["condition"]) & np.isclose(values["eps"], fact["eps"])
    values = {name: column[here] for name, column in values.items()}
    if not here.any() or any(name is None for name in values["prediction"].tolist()):
        return None
    true, sizes = (values.get(name) for name in RECORDED)
    confidence = np.clip(values["confidence"].astype(np.float64), 0, 1)
    return condition_numbers(confidence, values["correct"].astype(bool), true, sizes, sets)


CONFIDENCE = Step(key="confidence", wanted=lambda context: context.plan.evaluation, run=measure_confidence)
CONFIDENCE_UNDER = Step(
    key="confidence_under",
    wanted=lambda context: (
        "confidence" in context.run.results
        and any(name in context.run.results for name in ("corruptions", "attacks", "fgsm"))
    ),
    run=measure_confidence_under,
)
