"""The inspection of a data set: every image measured once, faults named, and their effect on a model's accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ironglass.data.survey.survey import Survey, Surveyed, survey
from ironglass.measure.inspection.cross_validated import FOLDS
from ironglass.measure.inspection.duplicates import duplicate_groups, joined
from ironglass.measure.inspection.label_errors import LARGEST as MOST_LABELS
from ironglass.measure.inspection.leave_out import images_to_leave_out, merged
from ironglass.measure.inspection.near_duplicates import LARGEST, NearPairs
from ironglass.measure.inspection.outliers import Fault, outliers
from ironglass.plans.inspection import Inspection
from ironglass.results.codec import to_dict
from ironglass.results.inspection import Inspection as InspectionResult
from ironglass.results.inspection import LabelErrors, LeftOut
from ironglass.results.inspection.against import OutOfDistribution
from ironglass.run import Run
from ironglass.studies.common.environment import environment, write_environment
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.searches.labels import LEAST, search_labels
from ironglass.studies.common.searches.near import search_near
from ironglass.studies.common.searches.pictures import pictured, write_pictures
from ironglass.studies.common.searches.tables import group_rows, image_ref, inventory, near_rows, outlier_rows
from ironglass.studies.common.study import Study
from ironglass.studies.inspection.against import against_other_data
from ironglass.studies.inspection.effects import ModelAnswers, effects, model_answers, prepared
from ironglass.studies.steps.failures.pictures import thumbnail
from ironglass.train.record import as_json

SURE = ("blank",)
"""Faults whose images the list leaves out; of the others it names them as comments."""


def run_inspection(plan: Inspection, folder: Path, options: RunOptions) -> Run:
    """Inspects the images of a data set as they are stored, and measures what faults do to a model's accuracy.

    Writes `inspection` of the results, pictures of what was found and the report; the data are only read. Raises
    InputError for what is wrong with the plan, the data or the model.
    """

    def progress(done: int, of: int) -> None:
        options.progress("reading images", done, of, "")

    surveyed = survey(
        plan.dataset,
        image_column=plan.image_column,
        label_column=plan.label_column,
        splits=plan.splits,
        classes=plan.only,
        leave_out=plan.leave_out,
        range=plan.range,
        download=options.download,
        progress=progress,
    )
    table = surveyed.survey
    answers, against = _of_model(plan, options)
    groups = duplicate_groups(table.digests)
    pairs = search_near(table, plan.seed, options) if "near-duplicates" in plan.searches else None
    faults = outliers(table)
    features = None if answers is None else answers.features_of(table)
    errors = search_labels(table, plan.seed, options, features) if "label-errors" in plan.searches else None
    result = replace(_result(table, groups, pairs, faults, answers, errors), against=against)
    with Run.hold(folder, as_json(plan), resume=options.resume) as run:
        write_environment(run, environment(device=options.place, seed=plan.seed, fingerprint=""))
        run.write("data.json", described(table, _unsearched(plan, pairs, errors)))
        run.record("inspection", to_dict(result))
        refs = pictured(result.duplicates, result.near_duplicates, result.outliers, errors, plan.pictures)
        write_pictures(run, "inspection", refs, lambda keys: _thumbnails(surveyed, keys))
        options.write_pages(run)
    return run


def _thumbnails(surveyed: Surveyed, keys: Sequence[tuple[str, str]]) -> list[np.ndarray]:
    table = surveyed.survey
    positions = {
        (table.splits[number], name): i for i, (number, name) in enumerate(zip(table.split, table.names, strict=True))
    }
    images = surveyed.images([positions[key] for key in keys])
    return [thumbnail(images[positions[key]]) for key in keys]


def _of_model(plan: Inspection, options: RunOptions) -> tuple[ModelAnswers | None, OutOfDistribution | None]:
    """Answers of the plan's model, and how it tells the data from others; None without a model."""
    if not plan.model:
        return None, None
    classifier, dataset = prepared(plan, options)
    against = against_other_data(plan, classifier, dataset, options)
    return model_answers(plan, classifier, dataset, options), against


def _unsearched(plan: Inspection, pairs: NearPairs | None, errors: LabelErrors | None) -> list[str]:
    """A note for each search that was asked for and that these data are too few or too many for."""
    notes: list[str] = []
    if "near-duplicates" in plan.searches and pairs is None:
        notes.append(f"near-duplicates were not searched: that takes 2 to {LARGEST:,} images that are not blank")
    if "label-errors" in plan.searches and errors is None:
        sizes = f"{LEAST:,} to {MOST_LABELS:,} images, at least {2 * FOLDS} of each class"
        notes.append(f"labels that may be wrong were not searched: that takes {sizes}")
    return notes


def _result(
    table: Survey,
    groups: list[np.ndarray],
    pairs: NearPairs | None,
    faults: list[Fault],
    answers: ModelAnswers | None,
    errors: LabelErrors | None,
) -> InspectionResult:
    near_groups, likely_groups = (
        [] if pairs is None else _joined(table, pairs, pairs.certain == kind) for kind in (True, False)
    )

    def name(i: int) -> str:
        return f"{table.names[i]} ({table.splits[table.split[i]]})"

    sure = merged(
        [
            images_to_leave_out(table, groups, reason="the same pixels", name=name),
            images_to_leave_out(table, near_groups, reason="a near-duplicate", name=name),
            *({int(i): fault.fault for i in fault.positions} for fault in faults if fault.fault in SURE),
        ]
    )
    suggested = {(row.image.split, row.image.name): row.suggested for row in (errors.suspects if errors else ())}
    keys = [(table.splits[number], image) for number, image in zip(table.split, table.names, strict=True)]
    mislabelled = {
        i: f"label may be wrong: perhaps {suggested[key]}"
        for i, key in enumerate(keys)
        if key in suggested and i not in sure
    }
    unlike = [
        {int(i): fault.fault for i in fault.positions if i not in sure} for fault in faults if fault.fault not in SURE
    ]
    likely = images_to_leave_out(table, likely_groups, reason="likely a near-duplicate", name=name)
    resembling = {i: reason for i, reason in likely.items() if i not in sure}
    doubtful = merged([resembling, mislabelled, *unlike])
    return InspectionResult(
        data=table.name,
        inventory=inventory(table),
        duplicates=group_rows(table, groups),
        near_duplicates=None if pairs is None else near_rows(table, pairs),
        outliers=outlier_rows(table, faults),
        label_errors=errors,
        effects=() if answers is None else effects(table, answers, groups, near_groups, faults),
        leave_out=tuple(
            LeftOut(image=image_ref(table, i), reason=reason, certain=certain)
            for certain, reasons in ((True, sure), (False, doubtful))
            for i, reason in reasons.items()
        ),
    )


def _joined(table: Survey, pairs: NearPairs, marked: np.ndarray) -> list[np.ndarray]:
    """Groups of images that the marked pairs connect."""
    return joined(len(table), [*zip(pairs.first[marked].tolist(), pairs.second[marked].tolist(), strict=True)])


def described(table: Survey, notes: Sequence[str]) -> dict[str, Any]:
    """Record for `data.json`; notes: beside those of reading."""
    return {
        "name": table.name,
        "classes": list(table.classes),
        "splits": {
            name: {
                "images": int((table.split == number).sum()),
                "per_class": np.bincount(table.labels[table.split == number], minlength=len(table.classes)).tolist(),
            }
            for number, name in enumerate(table.splits)
        },
        "quarantined": [vars(file) for file in table.unread],
        "notes": [*table.notes, *notes],
    }


INSPECTION = Study(name="inspection", plan=Inspection, run=run_inspection)
