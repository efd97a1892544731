"""Accuracy with and without the images at fault, on the same predictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow.parquet as pq

from ironglass.measure.inspection.effect import effect_of
from ironglass.results.inspection import ImageRef
from ironglass.results.inspection.checks import Findings
from ironglass.results.sections import read_results
from ironglass.studies.steps.context import AuditContext


def answers_on_clean(context: AuditContext) -> np.ndarray | None:
    """Marks of the measured images that are classified correctly, (n,); None without a table of the whole split."""
    path = context.run.path / "per_image" / "clean.parquet"
    if not path.is_file():
        return None
    right = np.asarray(pq.read_table(path, columns=["correct"])["correct"].to_pylist(), dtype=bool)
    return right if len(right) == len(context.split) else None  # that of an older run may be of a part of the split


def measure_effects(context: AuditContext) -> None:
    """Writes `data_effects` of the results, from the table of the unchanged images; nothing where none is at fault."""
    right, checks = answers_on_clean(context), read_results(context.run.results, file=context.run.path).data_checks
    rows = []
    if right is not None and checks is not None and checks.findings is not None:
        for words, marks in kinds(context, checks.findings).items():
            if 0 < marks.sum() < len(marks):
                rows.append({"removed": words, "split": context.split_name, **effect_of(right, marks)})
    if rows:
        context.run.record("data_effects", {"rows": rows})


def kinds(context: AuditContext, findings: Findings) -> dict[str, np.ndarray]:
    """Of the measured split the images of each kind, bool (n,), by words for it."""
    name, same = context.split_name, context.same_pixels
    pairs = [pair for pair in findings.near_duplicates.pairs if pair.certain] if findings.near_duplicates else []
    leaked = [pair for pair in pairs if {pair.first.split, pair.second.split} == {name, "train"} and pair.across]
    torn = [pair for pair in pairs if pair.labels_differ]
    unlike = [row.image for fault in findings.outliers for row in fault.images]
    exact = same.also_in(name, "train")
    near = _marked(context, (ref for pair in leaked for ref in (pair.first, pair.second)))
    two_labels = same.two_labels[same.split == same.splits.index(name)]
    suspect = two_labels | _marked(context, [*unlike, *(ref for pair in torn for ref in (pair.first, pair.second))])
    wrong = [row.image for row in findings.label_errors.suspects] if findings.label_errors else []
    rows = {
        "images that are in train, too, or nearly": exact | near,
        "images under two labels, or blank, dark, bright, blurred, of odd shape or small": suspect,
        "images whose label may be wrong": _marked(context, wrong),
    }
    if not (near & ~exact).any():
        del rows["images that are in train, too, or nearly"]  # `leak_effect` says as much
    return rows


def _marked(context: AuditContext, refs: Iterable[ImageRef] | Sequence[ImageRef]) -> np.ndarray:
    """The measured images that are named, bool (n,)."""
    split, classes = context.split, context.dataset.classes
    keys = {(ref.name, ref.class_) for ref in refs if ref.split == context.split_name}
    named = [(name, classes[label]) in keys for name, label in zip(split.names, split.labels.tolist(), strict=True)]
    return np.array(named, dtype=bool)
