"""A model's accuracy with and without the images at fault."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.data.survey.survey import Survey
from ironglass.errors import InputError, Notice
from ironglass.measure.inspection.effect import effect_of
from ironglass.measure.inspection.label_errors import LARGEST
from ironglass.measure.inspection.outliers import Fault
from ironglass.models.classifier import Classifier
from ironglass.models.features import penultimate_features
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
    features: by an image's split and name, the input of the last linear layer, (d,); None where there is none.
    """

    split: str
    right: dict[str, bool]
    features: dict[tuple[str, str], np.ndarray] | None = None

    def features_of(self, table: Survey) -> np.ndarray | None:
        """Features (n, d) of the images of a survey; None where the model has none, or has not read them all."""
        keys = [(table.splits[number], name) for number, name in zip(table.split, table.names, strict=True)]
        if self.features is None or not all(key in self.features for key in keys):
            return None
        return np.stack([self.features[key] for key in keys])


def prepared(plan: Inspection, options: RunOptions) -> tuple[Classifier, Dataset]:
    """The plan's model and its data at the model's size. Raises InputError where they do not fit."""
    classifier, dataset = prepare(
        plan.evaluation(),
        options.place,
        download=options.download,
        progress=lambda done, of: options.progress("reading images for the model", done, of, ""),
    )
    for remark in classifier.remarks:
        warnings.warn(Notice(f"model: {remark}"), stacklevel=2)
    return classifier, dataset


def model_answers(plan: Inspection, classifier: Classifier, dataset: Dataset, options: RunOptions) -> ModelAnswers:
    """Classifies the measured split with the plan's model. Raises InputError where two of its images have one name."""
    name, split = measured_split(plan.evaluation(), dataset)
    logits = logits_of(classifier, split, progress=lambda done, of: options.progress("classifying", done, of, ""))
    right = predicted(logits).numpy() == split.labels
    if len({*split.names}) < len(split):
        raise InputError(f"{dataset.name} has two images of one name in {name}: rename one, or inspect without a model")
    features = _features(classifier, dataset, options) if "label-errors" in plan.searches else None
    return ModelAnswers(name, dict(zip(split.names, right.tolist(), strict=True)), features)


def _features(
    classifier: Classifier, dataset: Dataset, options: RunOptions
) -> dict[tuple[str, str], np.ndarray] | None:
    """Features of all splits by split and name; None where the model has none, and where images are too many."""
    if sum(map(len, dataset.splits.values())) > LARGEST:
        return None
    results: dict[tuple[str, str], np.ndarray] = {}
    for name, split in dataset.splits.items():
        rows = penultimate_features(
            classifier, split, lambda done, of: options.progress("features of the model", done, of, "")
        )
        if rows is None:
            return None
        results |= {(name, image): row for image, row in zip(split.names, rows, strict=True)}
    return results


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
