"""The context that the steps of an audit share, made once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from ironglass.data.build import Reading
from ironglass.data.dataset import Dataset, Split
from ironglass.explain.parts.patch_grid import positions
from ironglass.measure.inspection.same_pixels import SamePixels, same_pixels
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.options import RunOptions
from ironglass.studies.common.plan_data import reading_of
from ironglass.studies.common.prepare import measured_and_learning, measured_split, prepare
from ironglass.studies.common.processes import Processes
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.searches.against import OtherImages, named_images
from ironglass.studies.common.single_image import PREDICTED
from ironglass.types import Logits


class SplitLogits:
    """The logits (n, k) of a split by a classifier that no longer changes, computed when they are first asked for.

    cached: the logits, None where nobody has asked yet; a step that computes them anyway puts them here.
    """

    def __init__(self, classifier: Classifier, split: Split) -> None:
        self.classifier, self.split = classifier, split
        self.cached: Logits | None = None

    def __call__(self) -> Logits:
        """The logits."""
        if self.cached is None:
            self.cached = logits_of(self.classifier, self.split)
        return self.cached


@dataclass(frozen=True, kw_only=True)
class AuditContext:
    """The classifier, data and settings of an audit.

    split_name, split: the whole split that is measured. patch, stride: of the occluding patch, in pixels.
    team: the processes of this launch, of which the first alone takes the steps.
    """

    plan: Audit
    folder: Path
    options: RunOptions
    classifier: Classifier
    dataset: Dataset
    device: torch.device
    split_name: str
    split: Split
    patch: int
    stride: int
    team: Processes = field(default_factory=Processes)

    @property
    def run(self) -> Run:
        """The run folder."""
        return Run(self.folder)

    @property
    def progress(self) -> Tell:
        """Called as (what is being done, done, of, detail)."""
        return self.options.progress

    @property
    def unlabelled(self) -> bool:
        """True where the network's predictions stand for the true classes, so that it is right by construction."""
        return self.dataset.reading.get("labels") == PREDICTED

    @cached_property
    def _drawn(self) -> tuple[Split, Split]:
        return measured_and_learning(self.plan, self.dataset)

    @property
    def measured(self) -> Split:
        """The images that are attacked and occluded: of the measured split, drawn by the seed."""
        return self._drawn[0]

    @property
    def learning(self) -> Split:
        """Other images, which linear probes learn from."""
        return self._drawn[1]

    @cached_property
    def same_pixels(self) -> SamePixels:
        """The images of the same pixels in all splits."""
        return same_pixels(self.dataset, lambda done, of: self.progress("comparing pixels", done, of, ""))

    @cached_property
    def named_images(self) -> OtherImages | None:
        """The other data that the plan names; None where it names none. Raises InputError as `named_images`."""
        plan = self.plan
        if plan.against is None or not plan.against.data:
            return None
        reading = reading_of(plan.model)
        reading = Reading(fit=plan.fit or reading.fit, range=plan.range or reading.range)
        return named_images(plan.against.data, self.dataset, reading, self.options)

    @cached_property
    def logits(self) -> SplitLogits:
        """The logits of the whole measured split; to be called after the training."""
        return SplitLogits(self.classifier, self.split)


def make_context(plan: Audit, folder: Path, options: RunOptions) -> AuditContext:
    """Loads the plan's classifier and data. Raises InputError for what is not there or does not fit."""
    device = options.place
    classifier, dataset = prepare(
        plan,
        device,
        download=options.download,
        progress=lambda done, of: options.progress("reading images", done, of, ""),
    )
    name, split = measured_split(plan, dataset)
    patch, stride = geometry(plan, dataset)
    return AuditContext(
        plan=plan,
        folder=folder,
        options=options,
        classifier=classifier,
        dataset=dataset,
        device=device,
        split_name=name,
        split=split,
        patch=patch,
        stride=stride,
    )


def geometry(plan: Audit, dataset: Dataset) -> tuple[int, int]:
    """Patch and stride in pixels: the plan's, or a quarter of the image's shorter side and half of that.

    Raises InputError for a patch that does not fit, now rather than after the training.
    """
    occlusion, search, explanation = plan.occlusion, plan.patches, plan.explanation
    patch = (occlusion and occlusion.patch) or max(1, min(dataset.size) // 4)
    stride = (occlusion and occlusion.stride) or max(1, patch // 2)
    for size in (patch, *(search.sizes if search else ())):
        positions(dataset.size, size, stride)
    if explanation is not None:
        positions(dataset.size, *explained_patch(plan, patch, stride))
    return patch, stride


def explained_patch(plan: Audit, patch: int, stride: int) -> tuple[int, int]:
    """Patch and stride of explanations: their own, in place of the occlusion curve's."""
    explanation = plan.explanation
    if explanation is None or not (explanation.patch or explanation.stride):
        return patch, stride
    size = explanation.patch or patch
    return size, explanation.stride or (max(1, size // 2) if explanation.patch else stride)
