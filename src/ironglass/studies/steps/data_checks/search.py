"""The searches of an inspection, over the pixels that the network reads, as far as a run can afford them."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace

import numpy as np

from ironglass.data.cache.store import building, cache_folder, fingerprint
from ironglass.data.source import ColumnRequest
from ironglass.data.survey.of_pixels import survey_of
from ironglass.data.survey.stored_sizes import stored_sizes
from ironglass.errors import InputError
from ironglass.measure.inspection.cross_validated import FOLDS
from ironglass.measure.inspection.label_errors import LARGEST as MOST_LABELS
from ironglass.measure.inspection.near_duplicates import LARGEST
from ironglass.measure.inspection.outliers import outliers
from ironglass.results.codec import from_dict, to_dict
from ironglass.results.inspection.checks import Findings
from ironglass.studies.common.searches.labels import LEAST, search_labels
from ironglass.studies.common.searches.near import search_near
from ironglass.studies.common.searches.tables import near_rows, outlier_rows
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.passes import OPERATIONS, multiply_adds, training_passes

RULES = 2
"""Changed where the searches would find something else, so that what is kept in the cache is not taken for it."""
SEED = 0
"""Of the searches: what is wrong with the data does not depend on a training's seed."""
FREE = 2.0
"""Processor seconds that the search for labels, and all others, may take in any run; else SHARE of the training."""
SHARE = 0.1
FILE = "findings.json"


def search(context: AuditContext, contents: str) -> Findings:
    """Near-duplicates, images unlike the others, labels that may be wrong; and what was left out.

    Kept in the cache by the images' contents, so that other runs on them search nothing again. contents: a digest of
    all pixels, labels and names.
    """
    images, values = (
        sum(map(len, context.dataset.splits.values())),
        int(np.prod(context.dataset[context.split_name].pixels.shape[1:])),
    )
    near_cost, label_cost = costs(images, values)
    budget = max(FREE, SHARE * training_seconds(context))
    similar = images <= LARGEST and near_cost <= budget
    labels = similar and context.plan.training and label_cost <= budget and _judgeable(context)
    if not similar:
        text = (
            f"near-duplicates, images unlike the others and wrong labels, in {images:,} images: it would take too long"
        )
        return Findings(near_duplicates=None, outliers=(), label_errors=None, left_out=(text,))
    entry = cache_folder() / "checks" / fingerprint(RULES, contents, context.dataset.fingerprint, labels)
    findings: Findings | None = None
    with suppress(OSError, ValueError, InputError):
        findings = from_dict(Findings, json.loads((entry / FILE).read_text(encoding="utf-8")), file=entry / FILE)
    if findings is None:
        findings = _searched(context, labels)
        with building(entry) as folder:
            (folder / FILE).write_text(json.dumps(to_dict(findings)), encoding="utf-8")
    # why labels were not searched is this plan's, and not of the run that filled the cache
    return replace(findings, left_out=(*findings.left_out, _labels_left_out(context, labels)))


def costs(images: int, values: int) -> tuple[float, float]:
    """Processor seconds, about, of the searches for all but labels, and of that for labels.

    values: of an image. As measured on one core of 2.1 GHz: see docs/benchmarks.md.
    """
    return images * (1.6e-4 + 1.6e-8 * values) + 3e-9 * images**2, 0.3 + 1.8e-4 * images


def training_seconds(context: AuditContext) -> float:
    """The least processor seconds that the plan's training takes, by the network's multiply-adds; 0 without one."""
    return multiply_adds(context) * training_passes(context) / OPERATIONS


def _judgeable(context: AuditContext) -> bool:
    labels = np.concatenate([split.labels for split in context.dataset.splits.values()])
    sizes = np.bincount(labels)
    return LEAST <= len(labels) <= MOST_LABELS and int(sizes[sizes > 0].min()) >= 2 * FOLDS


def _searched(context: AuditContext, labels: bool) -> Findings:
    sizes = _sizes(context)
    table = survey_of(
        context.dataset, sizes, lambda done, of: context.progress("looking for unlike images", done, of, "")
    )
    pairs = search_near(table, SEED, context.options)
    errors = search_labels(table, SEED, context.options, quick=True) if labels else None
    return Findings(
        near_duplicates=None if pairs is None else near_rows(table, pairs),
        outliers=outlier_rows(table, outliers(table)),
        label_errors=errors,
        left_out=tuple(_left_out(near=pairs is not None, sizes=sizes is not None)),
    )


def _left_out(*, near: bool, sizes: bool) -> list[str]:
    notes = [] if near else ["near-duplicates (all images but one are blank)"]
    return notes if sizes else [*notes, "blurred, odd-shaped and small images (the sizes as stored are not known)"]


def _labels_left_out(context: AuditContext, labels: bool) -> str:
    if labels:
        return "labels that are worth a look, and the average of several partitions into folds"
    if not _judgeable(context):
        return f"wrong labels (that takes {LEAST:,} to {MOST_LABELS:,} images, at least {2 * FOLDS} of each class)"
    why = "that would take longer than a tenth of the training" if context.plan.training else "nothing is trained"
    return f"wrong labels ({why})"


def _sizes(context: AuditContext) -> np.ndarray | None:
    """Width and height of all images as stored, (n, 2); None where they are not files on this machine."""
    plan = context.plan
    request = ColumnRequest(plan.image_column, plan.label_column, plan.splits)
    parts: list[np.ndarray] = []
    for split in context.dataset.splits.values():
        part = stored_sizes(plan.dataset, request, split.names, data=context.dataset.fingerprint)
        if part is None:
            return None
        parts.append(part)
    return np.concatenate(parts)
