"""A model's accuracy with and without the images at fault."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ironglass.data.survey.survey import Survey
from ironglass.errors import InputError, Notice
from ironglass.measure.inspection.effect import effect_of
from ironglass.measure.inspection.outliers import Fault
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.inspection import Inspection
from ironglass.results.codec import from_dict
from ironglass.results.inspection import Effect
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.prepare import measured_split, prepare


@dataclass(frozen=True)
class ModelAnswers:
    """Answers of a model on one split.

    split: its name.
    right: by an image's name, whether the model names its class.
    """

    split: str
    right: dict[str, bool]


def model_answers(plan: Inspection, options: RunOptions) -> ModelAnswers:
    """Classifies the measured split with the plan's model. Raises InputError where model and data do not fit."""
    audit = plan.evaluation()
    classifier, dataset = prepare(
        audit,
        options.place,
        download=options.download,
        progress=lambda done, of: options.progress("reading images for the model", done, of, ""),
    )
    for remark in classifier.remarks:
        warnings.warn(Notice(f"model: {remark}"), stacklevel=2)
    name, split = measured_split(audit, dataset)
    logits = logits_of(classifier, split, progress=lambda done, of: options.progress("classifying", done, of, ""))
    right = predicted(logits).numpy() == split.labels
    if len({*split.names}) < len(split):
        raise InputError(f"{dataset.name} has two images of one name in {name}: rename one, or inspect without a model")
    return ModelAnswers(name, dict(zip(split.names, right.tolist(), strict=True)))


def effects(
    table: Survey,
    answers: ModelAnswers,
    groups: Sequence[np.ndarray],
    near_groups: Sequence[np.ndarray],
    faults: Sequence[Fault],
) -> tuple[Effect, ...]:
    """The effect of leaked images and of suspect ones, of the measured split; a kind without images has no row."""
    measured = np.array(
        [table.splits[number] == answers.split for number in table.split]
        if answers.split in table.splits
        else [False] * len(table)
    )
    present = np.array([name in answers.right for name in table.names]) & measured
    right = np.array([answers.right.get(name, False) for name in table.names])
    leaked, near, doubled = (np.zeros(len(table), dtype=bool) for _ in range(3))
    for marks, sets in ((leaked, groups), (near, near_groups)):
        for group in sets:
            marks[group] = len({*table.split[group].tolist()}) > 1
    for group in (*groups, *near_groups):
        doubled[group] = len({*table.labels[group].tolist()}) > 1
    suspect = doubled.copy()
    for fault in faults:
        suspect[fault.positions] = True
    kinds = {
        "images whose pixels are in another split, too": leaked,
        "images that are in another split, too, or nearly": leaked | near,
        "images under two labels, or blank, dark, bright, blurred, of odd shape or small": suspect,
    }
    rows = []
    for words, marks in kinds.items():
        removed = marks[present]
        if 0 < removed.sum() < len(removed):
            value = {"removed": words, "split": answers.split, **effect_of(right[present], removed)}
            rows.append(from_dict(Effect, value, file="the effect of images"))
    if not rows:
        answer_flags = answers.right.values()
        text = (
            f"model: {sum(answer_flags):,} of {len(answer_flags):,} {answers.split} images are classified correctly; "
            "either none of them or all are at fault, so that there is no effect to measure"
        )
        warnings.warn(Notice(text), stacklevel=2)
    return tuple(rows)
