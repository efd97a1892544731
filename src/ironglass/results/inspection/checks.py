"""`data_checks` of `results.json`: the data of a run, checked at its beginning."""

from __future__ import annotations

from ironglass.results.codec import result
from ironglass.results.inspection import DuplicateGroup, Effect, NearDuplicates, Outliers, SplitRow
from ironglass.results.inspection.labels import LabelErrors
from ironglass.results.numbers import Count


@result
class Findings:
    """Faults in the images as the network reads them, as an inspection would name them.

    near_duplicates: null where they were not searched.
    outliers: a row a fault, those without images too; () where they were not searched.
    label_errors: null where they were not searched.
    left_out: what was not searched or not seen, and why, a sentence each.
    """

    near_duplicates: NearDuplicates | None
    outliers: tuple[Outliers, ...]
    label_errors: LabelErrors | None
    left_out: tuple[str, ...]


@result
class DataEffects:
    """Accuracy with and without images at fault, on the same predictions.

    rows: a row for each kind of which there are some, and not all, among the measured images.
    """

    rows: tuple[Effect, ...]


@result
class DataChecks:
    """Checks of the images as the network reads them.

    data: name of the data set.
    split: that is measured.
    splits: a row a split.
    classes: how many names there are.
    within: images with the pixels of another image of their split.
    across: images with the pixels of an image of another split.
    two_labels: images with the pixels of an image of another label.
    leaked: images of the measured split with the pixels of a training image.
    groups: of images of the same pixels.
    examples: groups, at most 12, those across splits and under two labels first, with at most 6 images each.
    findings: near-duplicates, images unlike the others, labels that may be wrong; absent in older runs.
    """

    data: str
    split: str
    splits: tuple[SplitRow, ...]
    classes: Count
    within: Count
    across: Count
    two_labels: Count
    leaked: Count
    groups: Count
    examples: tuple[DuplicateGroup, ...]
    findings: Findings | None = None
