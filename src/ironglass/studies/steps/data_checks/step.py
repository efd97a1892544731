"""The checks of an audit's data: at its beginning; and, once the accuracy is measured, the effect of leaked images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from ironglass.data.dataset import Dataset
from ironglass.errors import Notice
from ironglass.measure.inspection.effect import effect_of
from ironglass.measure.inspection.same_pixels import SamePixels
from ironglass.results.codec import to_dict
from ironglass.results.inspection import DuplicateGroup, ImageRef, SplitRow
from ironglass.results.inspection.checks import DataChecks
from ironglass.studies.common.searches.pictures import pictured, write_pictures
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.data_checks.effects import answers_on_clean, measure_effects
from ironglass.studies.steps.data_checks.search import search
from ironglass.studies.steps.failures.pictures import thumbnail
from ironglass.studies.steps.step import Step

EXAMPLES, IMAGES = 12, 6
"""Groups that are listed, and images of each."""
PICTURES = 24
"""Pictures of a kind of findings, at most."""

MOST_BYTES = 32 * 2**30
"""Of pixels that are compared at the head of a run; more is left to `ironglass inspect`, for each is read once more."""


def check_data(context: AuditContext) -> None:
    """Writes `data_checks` of the results; nothing, with a Notice, where the data are too large to be read for it."""
    dataset = context.dataset
    size = sum(split.pixels.nbytes for split in dataset.splits.values())
    if size > MOST_BYTES:
        notice = f"data: not searched for equal images, {size / 2**30:,.0f} GiB of pixels: ironglass inspect does"
        warnings.warn(Notice(notice), stacklevel=2)
        return
    same = context.same_pixels
    findings = search(context, same.contents)
    examples = _examples(dataset, same)
    checks = DataChecks(
        data=dataset.name,
        split=context.split_name,
        splits=tuple(_row(dataset, name) for name in dataset.splits),
        classes=len(dataset.classes),
        within=int(same.within.sum()),
        across=int(same.across.sum()),
        two_labels=int(same.two_labels.sum()),
        leaked=int(same.also_in(context.split_name, "train").sum()),
        groups=len(same.groups),
        examples=examples,
        findings=findings,
    )
    refs = pictured(examples, findings.near_duplicates, findings.outliers, findings.label_errors, PICTURES)
    write_pictures(context.run, "data_checks", refs, lambda keys: _pictures(dataset, keys))
    context.run.record("data_checks", to_dict(checks))


def _row(dataset: Dataset, name: str) -> SplitRow:
    counts = np.bincount(dataset[name].labels, minlength=len(dataset.classes)).tolist()
    return SplitRow(name=name, images=sum(counts), per_class=dict(zip(dataset.classes, counts, strict=True)))


def _examples(dataset: Dataset, same: SamePixels) -> tuple[DuplicateGroup, ...]:
    """The worst groups; of each, an image of every split and label before further ones."""
    starts = dict(zip(same.splits, np.searchsorted(same.split, np.arange(len(same.splits))).tolist(), strict=True))

    def image(i: int) -> ImageRef:
        split = same.splits[same.split[i]]
        name = dataset[split].names[i - starts[split]]
        return ImageRef(split=split, name=name, class_=dataset.classes[same.labels[i]])

    worst = sorted(same.groups, key=lambda group: (not same.across[group[0]], not same.two_labels[group[0]]))
    rows: list[DuplicateGroup] = []
    for group in worst[:EXAMPLES]:
        kinds = list(zip(same.split[group].tolist(), same.labels[group].tolist(), strict=True))
        order = sorted(range(len(kinds)), key=lambda k: kinds.index(kinds[k]) != k)
        rows.append(
            DuplicateGroup(
                images=tuple(image(int(group[k])) for k in order[:IMAGES]),
                across=bool(same.across[group[0]]),
                labels_differ=bool(same.two_labels[group[0]]),
            )
        )
    return tuple(rows)


def _pictures(dataset: Dataset, keys: Sequence[tuple[str, str]]) -> list[np.ndarray]:
    names = {split: {name: i for i, name in enumerate(dataset[split].names)} for split in {split for split, _ in keys}}
    return [thumbnail(np.asarray(dataset[split].pixels[names[split][name]])) for split, name in keys]


def measure_leaks(context: AuditContext) -> None:
    """Writes `leak_effect` of the results, from the table of the unchanged images; nothing where every image leaked."""
    right, leaked = answers_on_clean(context), context.same_pixels.also_in(context.split_name, "train")
    if right is None or not 0 < leaked.sum() < len(leaked):
        return
    removed = f"{context.split_name} images whose pixels are in train, too"
    context.run.record("leak_effect", {"removed": removed, "split": context.split_name, **effect_of(right, leaked)})


DATA_CHECKS = Step(key="data_checks", wanted=lambda context: context.plan.data_checks, run=check_data)
LEAK_EFFECT = Step(
    key="leak_effect",
    wanted=lambda context: (
        "evaluation" in context.run.results and context.run.results.get("data_checks", {}).get("leaked", 0) > 0
    ),
    run=measure_leaks,
)
DATA_EFFECTS = Step(
    key="data_effects",
    wanted=lambda context: (
        "evaluation" in context.run.results and bool(context.run.results.get("data_checks", {}).get("findings"))
    ),
    run=measure_effects,
)
