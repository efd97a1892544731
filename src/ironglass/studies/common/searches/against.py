"""A model's scores of its data's images against those of images of another kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

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
from ironglass.results.inspection.against import OutlyingScore, OutOfDistribution
from ironglass.results.numbers import Mean
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.single_image import is_flat_folder
from ironglass.types import Logits, Progress

Kind: TypeAlias = Literal["data", "noise", "tiles"]

MOST = 10_000
"""Images of a split that are scored, or that neighbours are sought among, at most."""


@dataclass(frozen=True, kw_only=True)
class OtherImages:
    """Images of another kind.

    name: in words. kind: how they came about. split: of other data; "made" of those made of the data's own.
    paired: whether each was made of the image of the data at its position.
    """

    name: str
    kind: Kind
    split: str
    images: Split
    paired: bool = False


@dataclass(frozen=True, kw_only=True)
class Inside:
    """The data's own images: of the split of that name. logits: where they are computed, else None."""

    name: str
    images: Split
    logits: Logits | None = None


def named_images(spec: str, dataset: Dataset, reading: Reading, options: RunOptions) -> OtherImages:
    """The test images of other data, else those of validation or training, or a folder's, as a network of these data
    reads them. Raises InputError where they cannot be read, or some have the pixels of images of the data."""
    size = dataset.size
    if is_flat_folder(spec):
        images = load_images([spec.removeprefix("folder:")], size=size, channels=dataset.channels, reading=reading)
        split = Split(images.pixels, np.zeros(len(images.names), np.int64), tuple(images.names))
        other = OtherImages(name=spec, kind="data", split="images", images=split)
    else:
        data = load_dataset(
            spec,
            size=size,
            channels=dataset.channels,
            fit=reading.fit,
            range=reading.range,
            download=options.download,
            progress=lambda done, of: options.progress("reading the other images", done, of, ""),
        )
        name = next(name for name in ("test", "validation", "train") if name in data.splits)
        other = OtherImages(name=data.name, kind="data", split=name, images=data[name])
    digests = {pixel_digest(pixels) for split in dataset.splits.values() for pixels in np.asarray(split.pixels)}
    shared = sum(pixel_digest(pixels) in digests for pixels in np.asarray(other.images.pixels))
    if shared:
        kind = "images" if other.split == "images" else f"{other.split} images"
        raise InputError(
            f"--against {spec}: {shared:,} of its {len(other.images):,} {kind} have the pixels of "
            f"images of {dataset.name}, as the network reads them: name data that are others"
        )
    return other


def told_apart(
    classifier: Classifier, inside: Inside, learnt: Split | str, others: Sequence[OtherImages], progress: Progress
) -> tuple[OutOfDistribution, ...]:
    """Areas below the ROC curve of the scores that tell the data's images from each kind of others.

    learnt: training images, among which neighbours are sought; else why there are none. A kind with an image that is
    not judged has no scores, and a remark.
    """
    inner = _Scores(classifier, inside.images, learnt, progress, inside.logits)
    rows: list[OutOfDistribution] = []
    for other in others:
        scores = _Scores(classifier, other.images, inner, progress)
        remarks = [
            f"{unjudged:,} images ({kind}) are not judged by the model: their logits are no numbers"
            for kind, unjudged in ((inside.name, inner.unjudged), (other.name, scores.unjudged))
            if unjudged
        ]
        areas = [] if remarks else _areas(inner.by_name, scores.by_name, paired=other.paired)
        has_neighbours = inner.references is not None and any(area.name == "nearest neighbours" for area in areas)
        references = inner.references if has_neighbours else None
        rows.append(
            OutOfDistribution(
                other=other.name,
                kind=other.kind,
                split=inside.name,
                images=len(inside.images),
                other_split=other.split,
                other_images=len(other.images),
                neighbour=None if references is None else neighbour_number(references),
                references=references,
                scores=tuple(areas),
                remarks=tuple(remarks or inner.missing),
            )
        )
    return tuple(rows)


def _areas(inside: dict[str, np.ndarray], others: dict[str, np.ndarray], *, paired: bool) -> list[OutlyingScore]:
    rows: list[OutlyingScore] = []
    for name, high in inside.items():
        if name not in others:
            continue
        area = roc_areas(high, others[name], paired=paired)
        mean = Mean(
            value=float(area.value), low=float(area.low), high=float(area.high), n=len(high) + len(others[name])
        )
        rows.append(OutlyingScore(name=name, auc=mean, widened=bool(area.widened)))  # pyright: ignore[reportArgumentType]
    return rows


class _Scores:
    """Scores of images by name, and of the first images also what those of others are to be found among.

    by_name: (n,) each; {} where an image is not judged. unjudged: images of that kind. missing: why a score is not
    there. references: images among which neighbours were sought; None for none.
    """

    def __init__(
        self,
        classifier: Classifier,
        images: Split,
        learnt: Split | str | _Scores,
        progress: Progress,
        logits: Logits | None = None,
    ) -> None:
        outputs = logits_of(classifier, images, progress=progress) if logits is None else logits
        self.by_name: dict[str, np.ndarray] = {}
        self.missing: list[str] = []
        self.unjudged = int((predicted(outputs) < 0).sum())
        self.references: int | None = None
        self._learnt: np.ndarray | None = None
        if self.unjudged:
            return
        finite = finite_logits(classifier, outputs).double().numpy()
        self.by_name["maximum probability"] = log_max_probability(finite)
        if classifier.gives_probabilities:
            self.missing.append("no energy: the network gives probabilities, of which the sum is always 1")
        else:
            self.by_name["energy"] = log_sum(finite)

        def features(part: Split) -> np.ndarray | None:
            return penultimate_features(classifier, part, progress)

        self._neighbours(features, images, learnt)

    def _neighbours(
        self, features: Callable[[Split], np.ndarray | None], images: Split, learnt: Split | str | _Scores
    ) -> None:
        if isinstance(learnt, str):
            self.missing.append(f"no nearest neighbours: {learnt}")
            return
        self._learnt = learnt._learnt if isinstance(learnt, _Scores) else features(learnt)
        read = None if self._learnt is None else features(images)
        if self._learnt is None or read is None:
            self.missing.append("no nearest neighbours: no linear layer ends the network, or its inputs are no numbers")
            return
        self.references = len(self._learnt)
        self.by_name["nearest neighbours"] = nearness(read, self._learnt)


def training_images(dataset: Dataset, measured: str, most: int = MOST) -> Split | str:
    """Training images, spread evenly, at most so many; or why there are none beside those that are measured."""
    if "train" not in dataset.splits or measured == "train":
        return "there are no training images beside those that are measured"
    return dataset.train.take(spread_positions(len(dataset.train), most))
