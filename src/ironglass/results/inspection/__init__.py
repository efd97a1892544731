"""`inspection` of `results.json`: a data set's images, and the faults in them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.inspection.against import OutlyingScore as OutlyingScore
from ironglass.results.inspection.against import OutOfDistribution
from ironglass.results.inspection.labels import ImageRef, LabelErrors
from ironglass.results.inspection.labels import LabelSuspect as LabelSuspect
from ironglass.results.numbers import Count, Mean, Rate


@result
class SplitRow:
    """One split.

    name: of the split.
    images: that could be read.
    per_class: images of each class, by its name.
    """

    name: str
    images: Count
    per_class: dict[str, Count]


@result
class SizeRow:
    """One size.

    width: in pixels, upright.
    height: in pixels.
    images: of this size.
    """

    width: Count
    height: Count
    images: Count


@result
class Inventory:
    """Images as they are stored.

    splits: a row a split.
    unread: files without a label, and files that are no images.
    sizes: the commonest sizes, at most 12.
    distinct_sizes: how many sizes there are.
    modes: images by Pillow's word for how a file stores them, as "RGB" or "L".
    bits: images by the bits of a value: "8", "16", "32" for floats.
    low: the smallest stored value.
    high: the largest stored value.
    """

    splits: Annotated[tuple[SplitRow, ...], Field(min_length=1)]
    unread: Count
    sizes: tuple[SizeRow, ...]
    distinct_sizes: Count
    modes: dict[str, Count]
    bits: dict[str, Count]
    low: float
    high: float


@result
class DuplicateGroup:
    """Images of the very same pixels.

    images: two or more.
    across: whether they are of several splits.
    labels_differ: whether they have several labels.
    """

    images: Annotated[tuple[ImageRef, ...], Field(min_length=2)]
    across: bool
    labels_differ: bool


@result
class NearPair:
    """Two images of one picture in other pixels.

    first: the one.
    second: the other.
    similarity: correlation of their detail after alignment, 1 for the same.
    mirrored: whether the one is the other in a mirror.
    across: whether they are of two splits.
    labels_differ: whether they have two labels.
    certain: false where they are likely near-duplicates only; absent where they are certain.
    """

    first: ImageRef
    second: ImageRef
    similarity: float
    mirrored: bool
    across: bool
    labels_differ: bool
    certain: bool = True


@result
class NearDuplicates:
    """Near-duplicates.

    pairs: the most similar first.
    proposed: pairs that were compared pixel by pixel.
    rule: when two images are called near-duplicates.
    """

    pairs: tuple[NearPair, ...]
    proposed: Count
    rule: str


@result
class OutlierRow:
    """One image.

    image: which.
    value: that the rule judges.
    """

    image: ImageRef
    value: float


@result
class Outliers:
    """Images of one fault.

    fault: "blank", "dark", "bright", "blurred", "odd shape" or "small".
    rule: when an image is called so, with the limits of this data set.
    images: the worst first.
    """

    fault: Literal["blank", "dark", "bright", "blurred", "odd shape", "small"]
    rule: str
    images: tuple[OutlierRow, ...]


@result
class LeftOut:
    """One image of the list for `--leave-out`.

    image: which.
    reason: why.
    certain: whether the list leaves it out; else it is there as a comment.
    """

    image: ImageRef
    reason: str
    certain: bool


@result
class Effect:
    """Accuracy of the model with and without some images.

    removed: which images, in words.
    split: that was measured.
    all: accuracy on all images.
    without: accuracy without them.
    only: accuracy on them alone.
    difference: accuracy without them less that on all, with its 95 % interval.
    """

    removed: str
    split: str
    all: Rate
    without: Rate
    only: Rate
    difference: Mean


@result
class Inspection:
    """A data set's images, and the faults in them.

    data: name of the data set.
    inventory: images as they are stored.
    duplicates: a row a group; those across splits first.
    near_duplicates: null where they were not searched.
    outliers: a row a fault, those without images too.
    label_errors: null where they were not searched.
    effects: a row for each kind of images; () without a model.
    leave_out: images that a cleaner data set would leave out.
    against: whether the model tells the images from other data's; null where none were named.
    """

    data: str
    inventory: Inventory
    duplicates: tuple[DuplicateGroup, ...]
    near_duplicates: NearDuplicates | None
    outliers: tuple[Outliers, ...]
    label_errors: LabelErrors | None
    effects: tuple[Effect, ...]
    leave_out: tuple[LeftOut, ...]
    against: OutOfDistribution | None = None
