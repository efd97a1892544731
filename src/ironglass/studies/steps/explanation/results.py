"""From the files of the explanation step to its numbers, its rows an image, and a picture of every map."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from ironglass.measure.accuracy import naming
from ironglass.measure.maps.attribution import image_maps
from ironglass.measure.maps.drift import drift
from ironglass.measure.maps.quality import quality
from ironglass.measure.per_image import write_per_image
from ironglass.measure.statistics import counted_rate, mcnemar, mean_interval
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import logits_of
from ironglass.run import Run
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.progress import Tell
from ironglass.studies.steps.explanation.conditions import Condition
from ironglass.studies.steps.explanation.run import Explanations, batch_file, read_explained

WITHIN = {
    "rank_correlation": (-1.0, 1.0),
    "top_overlap": (0.0, 1.0),
    "ssim": (-1.0, 1.0),
    "shift": (0.0, 1.0),
    "inside_before": (0.0, 1.0),
    "inside_after": (0.0, 1.0),
}
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def judge_methods(run: Run, explanations: Explanations, progress: Tell) -> None:
    """Tests the methods themselves and records `quality`: do the maps name what matters, and the network's own work?"""
    plan, classifier = explanations.plan, explanations.classifier
    subset = explanations.split.take(spread_positions(len(explanations.split), explanations.settings.quality))
    images, labels = (tensor.to(classifier.device) for tensor in subset[:])
    targets = explanations.targets(logits_of(classifier, subset).to(labels.device), labels)
    numbers = quality(
        classifier,
        images,
        targets,
        explanations.methods,
        seed=plan.seed,
        progress=lambda done, of: progress("testing the methods", done, of, ""),
    )
    run.record("quality", numbers)


def write_explanation_results(run: Run, explanations: Explanations, *, split_name: str, progress: Tell) -> None:
    """Writes `per_image/explanations.parquet` and records `explanations`: what every condition does to every map."""
    plan, split, classes = explanations.plan, explanations.split, explanations.classifier.classes
    entries, tables = [], []
    clean: dict[str, np.ndarray] = {}
    right: dict[str, np.ndarray] = {}
    for index, condition in enumerate(explanations.conditions):
        progress("comparing maps", index, len(explanations.conditions), condition.label)
        plain, measured = _compared(run, explanations, condition)
        if condition.kind == "clean":
            clean = plain
        right[condition.name] = plain["predictions"] == split.labels
        entries.append(_entry(condition, right, clean["predictions"] != plain["predictions"], measured))
        tables += _tables(explanations, condition, plain, measured)
    write_per_image(run, "explanations", tables)
    run.record(
        "explanations",
        {
            "split": split_name,
            "n": len(split),
            "seed": plan.seed,
            "batch": explanations.settings.batch,
            "images": explanations.settings.images,
            "target": explanations.settings.target,
            "classes": len(classes),
            "methods": [
                {
                    "name": name,
                    "label": getattr(explainer, "label", name),
                    "unit": getattr(explainer, "unit", ""),
                    **({"words": explainer.words} if getattr(explainer, "words", "") else {}),
                    "settings": settings(explainer),
                    **_note(explanations, explainer),
                }
                for name, explainer in explanations.methods.items()
            ],
            "conditions": entries,
            "naming": naming(split.labels, clean["predictions"], classes),
        },
    )


def _note(explanations: Explanations, explainer: Any) -> dict[str, str]:
    """The method's own remark on its maps of this network, as `note`; {} where it has none."""
    if not hasattr(explainer, "note"):
        return {}
    classifier = explanations.classifier
    images, labels = (tensor.to(classifier.device) for tensor in explanations.split[:4])
    with eval_without_grad(classifier), torch.no_grad():
        targets = explanations.targets(classifier(images), labels)
    note = explainer.note(classifier, images, targets)
    return {"note": note} if note else {}


def settings(explainer: Any) -> dict[str, Any]:
    """The settings that are plain values."""
    plain = (bool, int, float, str)
    return {name: value for name, value in vars(explainer).items() if isinstance(value, plain)}


def _compared(
    run: Run, explanations: Explanations, condition: Condition
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, np.ndarray]]]:
    """A condition's labels, targets, predictions, and, of a changed one, each method's drift: metric by (n,)."""
    size = explanations.split.pixels.shape[1], explanations.split.pixels.shape[2]
    methods = list(explanations.methods)
    plain: dict[str, list[np.ndarray]] = defaultdict(list)
    measured: dict[str, dict[str, list[np.ndarray]]] = {name: defaultdict(list) for name in methods}
    for number in range(explanations.count):
        tensors, after = read_explained(batch_file(run, condition.name, number), methods, extra=("hidden",))
        for name in ("labels", "targets", "predictions", "logits"):
            plain[name].append(tensors[name].numpy())
        if condition.kind == "clean":
            continue
        _, before = read_explained(batch_file(run, "clean", number), methods)
        hidden: Tensor | None = tensors["hidden"].bool() if "hidden" in tensors else None
        for name in methods:
            drifts = drift(image_maps(before[name], size), image_maps(after[name], size), hidden)
            for metric, values in drifts.items():
                measured[name][metric].append(values.numpy())
    joined = {name: {metric: np.concatenate(parts) for metric, parts in of.items()} for name, of in measured.items()}
    return {name: np.concatenate(parts) for name, parts in plain.items()}, joined


def _entry(
    condition: Condition,
    right: dict[str, np.ndarray],
    changed: np.ndarray,
    measured: dict[str, dict[str, np.ndarray]],
) -> dict[str, Any]:
    now, before = right[condition.name], right["clean"]
    entry: dict[str, Any] = {
        "name": condition.name,
        "label": condition.label,
        "kind": condition.kind,
        **condition.facts,
        "accuracy": counted_rate(int(now.sum()), len(now)),
    }
    if condition.kind == "clean":
        return entry
    entry["changed"] = counted_rate(int(changed.sum()), len(changed))
    if before.any():
        entry["fooled"] = counted_rate(int((before & ~now).sum()), int(before.sum()))
    if condition.kind == "control":
        entry["against"] = {"occluded": mcnemar(right["occluded"], now)}
    entry["drift"] = {
        name: {metric: _spread(metric, values) for metric, values in metrics.items()}
        for name, metrics in measured.items()
    }
    return entry


def _spread(metric: str, values: np.ndarray) -> dict[str, Any]:
    return {
        **mean_interval(values, within=WITHIN[metric]),
        "quantiles": [float(value) for value in np.quantile(values, QUANTILES)],
    }


def _tables(
    explanations: Explanations,
    condition: Condition,
    plain: dict[str, np.ndarray],
    measured: dict[str, dict[str, np.ndarray]],
) -> list[pa.Table]:
    """A row an image and method; of the unchanged images there is no drift."""
    names, classes = explanations.split.names, np.asarray(explanations.classifier.classes)
    tables = []
    for method in measured:
        columns: dict[str, Any] = {
            "name": list(names),
            "condition": [condition.name] * len(names),
            "method": [method] * len(names),
            "label": classes[plain["labels"]],
            "target": classes[plain["targets"]],
            "prediction": classes[plain["predictions"]],
            "correct": plain["predictions"] == plain["labels"],
        }
        for metric in WITHIN:
            values = measured[method].get(metric)
            columns[metric] = pa.array([None] * len(names), pa.float64()) if values is None else values.astype(float)
        tables.append(pa.table(columns))
    return tables
