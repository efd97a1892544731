"""A model's scores of its data's images against those of other data."""

from __future__ import annotations

import numpy as np

from ironglass.data.build import Reading
from ironglass.data.dataset import Dataset, Split
from ironglass.data.images import load_images
from ironglass.data.load import load_dataset
from ironglass.data.positions import spread_positions
from ironglass.data.survey.image_facts import pixel_digest
from ironglass.errors import InputError
from ironglass.measure.accuracy import finite_logits
from ironglass.measure.classes.areas import roc_areas
from ironglass.measure.inspection.outlying import log_max_probability, log_sum, nearness, neighbour_number
from ironglass.models.classifier import Classifier
from ironglass.models.features import penultimate_features
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.inspection import Inspection
from ironglass.results.inspection.against import OutlyingScore, OutOfDistribution
from ironglass.results.numbers import Mean
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.plan_data import reading_of
from ironglass.studies.common.prepare import measured_split
from ironglass.studies.common.single_image import is_flat_folder

MOST = 10_000
"""Images of a split that are scored, or that neighbours are sought among, at most."""


def told_apart(
    plan: Inspection, classifier: Classifier, dataset: Dataset, options: RunOptions
) -> OutOfDistribution | None:
    """Areas below the ROC curve of the scores that tell the plan's images from those of `plan.against`; None where that
    is "".

    Raises InputError where the other data cannot be read, have pixels of the plan's own, or are not judged.
    """
    if not plan.against:
        return None
    name, inside = measured_split(plan.evaluation(), dataset)
    other_name, other_split, other = _other_images(plan, dataset, options)
    _refuse_shared(plan, dataset, other_split, other)
    remarks = [f"of {part} {len(split):,} images were taken {MOST:,}, spread evenly" for part, split in
               ((name, inside), (f"the other data's {other_split}", other)) if len(split) > MOST]  # fmt: skip
    inside, other = (split.take(spread_positions(len(split), MOST)) for split in (inside, other))
    scores, neighbours, missing = _scores(classifier, dataset, (name, inside, other), options)
    rows: list[OutlyingScore] = []
    for word, (high, low) in scores.items():
        area = roc_areas(high, low)
        mean = Mean(value=float(area.value), low=float(area.low), high=float(area.high), n=len(inside) + len(other))
        rows.append(OutlyingScore(name=word, auc=mean, widened=bool(area.widened)))  # pyright: ignore[reportArgumentType]
    return OutOfDistribution(
        other=other_name,
        split=name,
        images=len(inside),
        other_split=other_split,
        other_images=len(other),
        neighbour=None if neighbours is None else neighbour_number(neighbours),
        references=neighbours,
        scores=tuple(rows),
        remarks=(*remarks, *missing),
    )


def _other_images(plan: Inspection, dataset: Dataset, options: RunOptions) -> tuple[str, str, Split]:
    """Name, split and images of the other data, at the size and with the channels of the plan's own."""
    size, reading = dataset.size, reading_of(plan.model)
    reading = Reading(fit=plan.fit or reading.fit, range=plan.range or reading.range)
    if is_flat_folder(plan.against):
        images = load_images(
            [plan.against.removeprefix("folder:")], size=size, channels=dataset.channels, reading=reading
        )
        return plan.against, "images", Split(images.pixels, np.zeros(len(images.names), np.int64), tuple(images.names))
    other = load_dataset(
        plan.against,
        size=size,
        channels=dataset.channels,
        fit=reading.fit,
        range=reading.range,
        download=options.download,
        progress=lambda done, of: options.progress("reading the other images", done, of, ""),
    )
    name = next(name for name in ("test", "validation", "train") if name in other.splits)
    return other.name, name, other[name]


def _refuse_shared(plan: Inspection, dataset: Dataset, other_split: str, other: Split) -> None:
    digests = {pixel_digest(pixels) for split in dataset.splits.values() for pixels in np.asarray(split.pixels)}
    shared = sum(pixel_digest(pixels) in digests for pixels in np.asarray(other.pixels))
    if shared:
        raise InputError(
            f"--against {plan.against}: {shared:,} of its {len(other):,} {other_split} images have the pixels of "
            f"images of {plan.dataset}, as the network reads them: name data that are others"
        )


def _scores(
    classifier: Classifier, dataset: Dataset, measured: tuple[str, Split, Split], options: RunOptions
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], int | None, list[str]]:
    """Scores of both sets by name, the images among which neighbours were sought, and why a score is missing."""
    split, *sets = measured

    def progress(done: int, of: int) -> None:
        options.progress("scoring against the other images", done, of, "")

    outputs = [logits_of(classifier, images, progress=progress) for images in sets]
    if unjudged := sum(int((predicted(part) < 0).sum()) for part in outputs):
        raise InputError(f"--against: {unjudged:,} images are not judged by the model: their logits are no numbers")
    logits = [finite_logits(classifier, part).double().numpy() for part in outputs]
    first, second = map(log_max_probability, logits)
    scores, missing = {"maximum probability": (first, second)}, list[str]()
    if classifier.gives_probabilities:
        missing.append("no energy: the network gives probabilities, of which the sum is always 1")
    else:
        first, second = map(log_sum, logits)
        scores["energy"] = (first, second)
    if "train" not in dataset.splits or split == "train":
        missing.append("no nearest neighbours: there are no training images beside those that are measured")
        return scores, None, missing
    train = dataset.train.take(spread_positions(len(dataset.train), MOST))
    learnt, first, second = (penultimate_features(classifier, images, progress) for images in (train, *sets))
    if learnt is None or first is None or second is None:
        missing.append("no nearest neighbours: no linear layer ends the network, or its inputs are no numbers")
        return scores, None, missing
    return scores | {"nearest neighbours": (nearness(first, learnt), nearness(second, learnt))}, len(learnt), missing
