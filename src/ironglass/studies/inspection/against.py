"""A model's scores of its data's images against those of other data."""

from __future__ import annotations

from dataclasses import replace

from ironglass.data.build import Reading
from ironglass.data.dataset import Dataset
from ironglass.data.positions import spread_positions
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.plans.inspection import Inspection
from ironglass.results.inspection.against import OutOfDistribution
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.plan_data import reading_of
from ironglass.studies.common.prepare import measured_split
from ironglass.studies.common.searches.against import MOST, Inside, named_images, told_apart, training_images


def against_other_data(
    plan: Inspection, classifier: Classifier, dataset: Dataset, options: RunOptions
) -> OutOfDistribution | None:
    """Areas below the ROC curve of the scores that tell the plan's images from those of `plan.against`; None where that
    is "".

    Raises InputError where the other data cannot be read, have pixels of the plan's own, or are not judged.
    """
    if not plan.against:
        return None
    name, split = measured_split(plan.evaluation(), dataset)
    reading = reading_of(plan.model)
    other = named_images(
        plan.against, dataset, Reading(fit=plan.fit or reading.fit, range=plan.range or reading.range), options
    )
    remarks = [f"of {part} {len(images):,} images were taken {MOST:,}, spread evenly" for part, images in
               ((name, split), (f"the other data's {other.split}", other.images)) if len(images) > MOST]  # fmt: skip
    split, images = (part.take(spread_positions(len(part), MOST)) for part in (split, other.images))

    def progress(done: int, of: int) -> None:
        options.progress("scoring against the other images", done, of, "")

    (row,) = told_apart(
        classifier,
        Inside(name=name, images=split),
        training_images(dataset, name),
        [replace(other, images=images)],
        progress,
    )
    if not row.scores:
        raise InputError(f"--against: {row.remarks[0]}")
    return replace(row, remarks=(*remarks, *row.remarks))
