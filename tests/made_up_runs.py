"""Made-up run folders, whose every right and wrong image is chosen by the test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ironglass.measure.statistics import wilson
from ironglass.run import Run

CLASSES = ("cat", "dog")
TRUSTED = {"word": "trusted", "reasons": []}


def made_up(
    folder: Path,
    right: Sequence[bool],
    attacked: Mapping[tuple[str, float], Sequence[bool]] | None = None,
    *,
    names: Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    split: str = "test",
    size: int = 8,
    parameters: int = 1000,
    settings: Mapping[str, Any] | None = None,
    version: str = "0.2.0",
    confidence: float | None = 0.9,
    pixels: str | None = None,
    others: str = "0",
) -> Path:
    """A run that named these images right, all as surely, and these of the first images under each attack and eps.

    pixels: digest of the measured images' pixels. others: a digit of the digest of all splits.
    """
    names = [f"images/{i}.png" for i in range(len(right))] if names is None else list(names)
    labels = [CLASSES[i % 2] for i in range(len(right))] if labels is None else list(labels)
    with Run.hold(folder, {"name": folder.name, "description": "", "model": "net", "dataset": "made-up"}) as run:
        data = {"name": "made-up", "contents": others * 32, "size": [size, size], "classes": list(CLASSES)}
        splits = {} if pixels is None else {"splits": {split: {"images": len(right), "pixels": pixels}}}
        run.write("data.json", data | splits)
        run.write("environment.json", {"versions": {"ironglass": version}})
        _write(run, "clean", [_table("clean", 0.0, names, labels, right, confidence)])
        run.record("model", _model(size, parameters))
        run.record("evaluation", _evaluation(labels, right, split))
        if attacked:
            _write(run, "attacks", [_table(name, eps, names, labels, some) for (name, eps), some in attacked.items()])
            run.record("attacks", _attacks(attacked, right, split, settings or {}))
    return folder


def _table(
    condition: str,
    eps: float,
    names: list[str],
    labels: list[str],
    right: Sequence[bool],
    confidence: float | None = None,
) -> pa.Table:
    n = len(right)
    columns = {"name": names[:n], "condition": [condition] * n, "eps": [float(eps)] * n, "label": labels[:n]}
    if confidence is not None:
        off = [2 * (1 - confidence) ** 2 if one else 2 * confidence**2 for one in right]
        columns |= {"confidence": [confidence] * n, "brier": off, "prediction": labels[:n]}
    return pa.table(columns | {"correct": [bool(one) for one in right]})


def _write(run: Run, name: str, tables: list[pa.Table]) -> None:
    with run.atomic(run.path / "per_image" / f"{name}.parquet") as path:
        pq.write_table(pa.concat_tables(tables), path)


def _rate(right: Sequence[bool]) -> dict[str, Any]:
    return dict(wilson(int(np.sum(right)), len(right)))


def _model(size: int, parameters: int) -> dict[str, Any]:
    normalisation = {"mean": [0.5], "std": [0.25], "origin": "assumed"}
    return {
        "name": "net", "parameters": parameters, "trainable": parameters, "multiply_adds": 5000.0,
        "input_size": [size, size], "channels": 1, "normalisation": normalisation, "remarks": [],
    }  # fmt: skip


def _evaluation(labels: list[str], right: Sequence[bool], split: str) -> dict[str, Any]:
    confusion = [[0, 0], [0, 0]]
    for label, one in zip(labels, right, strict=True):
        row = CLASSES.index(label)
        confusion[row][row if one else 1 - row] += 1
    rows = [
        {
            "class": name, "precision": 0.5, "recall": confusion[i][i] / max(sum(confusion[i]), 1), "f1": 0.5,
            "support": sum(confusion[i]),
        }
        for i, name in enumerate(CLASSES)
    ]  # fmt: skip
    naming = {"named": "cat", "named_share": 0.5, "named_true_share": 0.5, "commonest": "cat", "commonest_share": 0.5}
    return {
        "split": split, "accuracy": _rate(right), "not_judged": 0, "loss": 0.5, "confusion": confusion,
        "per_class": rows, "naming": naming, "macro_f1": 0.5, "report": "",
    }  # fmt: skip


def _attacks(
    attacked: Mapping[tuple[str, float], Sequence[bool]],
    right: Sequence[bool],
    split: str,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    sizes = sorted({eps for _, eps in attacked})
    names = list(dict.fromkeys(name for name, _ in attacked))
    n = len(next(iter(attacked.values())))

    def point(one: Sequence[bool], eps: float) -> dict[str, Any]:
        return {
            "eps": eps, "accuracy": _rate(one), "png_accuracy": _rate(one), "fooled": _rate(one), "verdict": TRUSTED,
            "folder": "adversarial",
        }  # fmt: skip

    rows = [
        {
            "name": name, "label": name.upper(), "settings": dict(settings),
            "points": [point(attacked[name, eps], eps) for eps in sizes],
        }
        for name in names
    ]  # fmt: skip
    worst = [np.logical_and.reduce([attacked[name, eps] for name in names]) for eps in sizes]
    return {
        "norm": "linf", "n": n, "split": split, "seed": 0, "batch": 64, "clean": _rate(right[:n]), "eps": sizes,
        "attacks": rows, "probes": [],
        "worst": [
            {"eps": eps, "accuracy": _rate(one), "verdict": TRUSTED} for eps, one in zip(sizes, worst, strict=True)
        ],
    }  # fmt: skip
