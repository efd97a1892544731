"""The failure step: highest losses, confused classes and slices of low accuracy of the measured split."""

from __future__ import annotations

import numpy as np
import torch

from ironglass.data.source import ColumnRequest
from ironglass.data.survey.stored_sizes import shorter_sides
from ironglass.measure.accuracy import finite_logits, top
from ironglass.measure.failures.clusters import cluster_grouping
from ironglass.measure.failures.groupings import Grouping, by_column, by_fifths, by_value, image_groupings
from ironglass.measure.failures.numbers import Answers, failure_numbers
from ironglass.models.predict import predicted
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.failures.pictures import confused_maps, map_method, write_pictures
from ironglass.studies.steps.step import Step

SLICE_PICTURES = 6
"""Wrong images that are shown of a slice that stands out."""


def measure_failures(context: AuditContext) -> None:
    """Writes `failures` of the results, and the images that it names, `failures.safetensors` and `failures.json`."""
    split, report_images = context.split, context.plan.sampling.report_images
    answers = _answers(context)
    groupings = [by_value("class", "class", [context.classifier.classes[i] for i in split.labels])]
    groupings += [*column_groupings(context), *image_groupings(split), *_sizes(context), *_clusters(context)]
    numbers, positions = failure_numbers(answers, groupings, split=context.split_name, pictures=SLICE_PICTURES)
    method = map_method(context) if report_images and positions.pairs else None
    if report_images and len(split):
        maps = confused_maps(context, positions.pairs, answers, method[1]) if method else None
        write_pictures(context.run, split, positions, maps)
    context.run.record("failures", {**numbers, "map_method": method[0] if method else None})


def _answers(context: AuditContext) -> Answers:
    classifier, split, outputs = context.classifier, context.split, context.logits()
    log_shares = (finite_logits(classifier, outputs).double() / classifier.temperature).log_softmax(1)
    losses = -log_shares.gather(1, torch.from_numpy(split.labels.copy())[:, None])[:, 0].numpy()
    return Answers(
        names=split.names,
        labels=split.labels,
        predictions=predicted(outputs).numpy(),
        confidence=np.clip(top(classifier, outputs, 1)[1][:, 0].astype(np.float64), 0, 1),
        losses=np.nan_to_num(losses, nan=np.inf, posinf=np.inf),
        classes=classifier.classes,
    )


def column_groupings(context: AuditContext) -> list[Grouping]:
    """The groupings by the columns of the plan. Raises InputError for one of too many values."""
    return [by_column(name, texts) for name, texts in context.split.attributes.items()]


def _sizes(context: AuditContext) -> list[Grouping]:
    """Fifths of the shorter side of the images as stored; none where it is not known, or the same for all."""
    plan = context.plan
    request = ColumnRequest(plan.image_column, plan.label_column, plan.splits)
    sides = shorter_sides(plan.dataset, request, context.split.names, data=context.dataset.fingerprint)
    grouping = None if sides is None else by_fifths("stored size", "image", sides)
    return [] if grouping is None or len(grouping.values) < 2 else [grouping]


def _clusters(context: AuditContext) -> list[Grouping]:
    grouping = cluster_grouping(
        context.classifier,
        context.split,
        context.classifier.classes,
        seed=context.plan.seed,
        progress=lambda done, of: context.progress("clustering", done, of, ""),
    )
    return [] if grouping is None else [grouping]


def _check(context: AuditContext) -> None:
    column_groupings(context)


FAILURES = Step(key="failures", wanted=lambda context: context.plan.evaluation, check=_check, run=measure_failures)
