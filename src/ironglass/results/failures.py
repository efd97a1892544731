"""`failures` of `results.json`: the images, slices and pairs of classes on which the classifier fails."""

from __future__ import annotations

from typing import Literal

from ironglass.results.codec import result
from ironglass.results.numbers import Count, Mean, Rate, Share


@result
class SliceAttribute:
    """One attribute that the images were cut by.

    attribute: its name, as "class" or "domain".
    kind: "class" of the label, "column" of the data's table, "image" for a property of the pixels or the file, or
        "cluster" of the network's features.
    slices: how many there are.
    tested: those of enough images.
    """

    attribute: str
    kind: Literal["class", "column", "image", "cluster"]
    slices: Count
    tested: Count


@result
class FailureSlice:
    """One slice beside the other images.

    attribute: that it is cut by.
    kind: of the attribute.
    value: of the attribute.
    accuracy: of its images.
    rest: accuracy of the other images.
    difference: accuracy less that of the rest, 95 % interval by Newcombe.
    p: one-sided exact p-value: as many wrong answers or more, were the mistakes spread by chance.
    corrected_p: by Holm over all tests.
    stands_out: whether it is at most `level`.
    widened: whether the intervals are widened to exact ones, which hold 95 times in 100 or more often, since too few
        images of the slice, or of the others, are right, or wrong. Absent where not, and in older runs.
    """

    attribute: str
    kind: Literal["class", "column", "image", "cluster"]
    value: str
    accuracy: Rate
    rest: Rate
    difference: Mean
    p: Share
    corrected_p: Share
    stands_out: bool
    widened: bool = False


@result
class FailureImage:
    """One image.

    name: where it lies, relative to the source.
    label: its class.
    prediction: class of the largest logit; null where there is none.
    confidence: probability of that class.
    loss: cross-entropy; null where it is no finite number.
    """

    name: str
    label: str
    prediction: str | None
    confidence: Share
    loss: float | None


@result
class ConfusedPair:
    """Images of one class that are named as another.

    label: their class.
    prediction: its name for them.
    images: how many.
    of_class: their share of the class's images.
    of_mistakes: their share of the class's mistakes.
    others: the same share of the mistakes of the other classes, without those that are named as this class; null where
        there is none.
    p: one-sided exact p-value: as many or more, were mistakes named by the names' popularity; null where not tested.
    corrected_p: by Holm over all tests; null where not tested.
    stands_out: whether it is at most `level`.
    example: the image of the highest loss.
    """

    label: str
    prediction: str
    images: Count
    of_class: Rate
    of_mistakes: Rate
    others: Rate | None
    p: Share | None
    corrected_p: Share | None
    stands_out: bool
    example: FailureImage


@result
class Failures:
    """Images, slices and pairs of classes on which the classifier fails, unchanged.

    split: what was measured.
    level: chance that any slice or pair stands out where there is nothing to find.
    least: images that a slice, and the rest, need to be tested.
    least_mistakes: mistakes that a pair, and the rest, need to be tested.
    tests: how many were made, and corrected for.
    slices_tested: those of slices.
    pairs_tested: those of pairs.
    clustered: images that were clustered; 0 for none.
    attributes: by which images were cut.
    slices: all that stand out, and where these are fewer than 8, the next by p-value, up to 8.
    pairs: the 6 commonest confusions, then further ones that stand out, at most 24.
    losses: images of the highest loss, at most 12.
    map_method: label of the method of the maps of confused classes; null where there are none.
    """

    split: str
    level: Share
    least: Count
    least_mistakes: Count
    tests: Count
    slices_tested: Count
    pairs_tested: Count
    clustered: Count
    attributes: tuple[SliceAttribute, ...]
    slices: tuple[FailureSlice, ...]
    pairs: tuple[ConfusedPair, ...]
    losses: tuple[FailureImage, ...]
    map_method: str | None
