"""`data_checks` of `results.json`: the data of a run, checked at its beginning."""

from __future__ import annotations

from ironglass.results.codec import result
from ironglass.results.inspection import DuplicateGroup, SplitRow
from ironglass.results.numbers import Count


@result
class DataChecks:
    """Checks of the images as the network reads them. Near-duplicates and wrong labels are an inspection's to find.

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
