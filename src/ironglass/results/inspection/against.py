"""`inspection.against` and `out_of_distribution` of `results.json`: images of the data against those of other kinds."""

from __future__ import annotations

from typing import Literal

from ironglass.results.codec import result
from ironglass.results.numbers import Count, Mean


@result
class OutlyingScore:
    """One score by which images of other data are told.

    name: "maximum probability", "energy" or "nearest neighbours".
    auc: chance that an image of the data has a higher score than one of the other data; 0.5 tells nothing.
    widened: whether the images are too few for an interval that holds 95 times in 100; it is then wider.
    """

    name: Literal["maximum probability", "energy", "nearest neighbours"]
    auc: Mean
    widened: bool


@result
class OutOfDistribution:
    """The data's images against those of another kind.

    other: name of the other data, or of how the others were made.
    split: of the data, whose images are told from the others.
    images: of them.
    other_split: of the other data; "made" of images that were made of the data's own.
    other_images: of them.
    neighbour: how manieth neighbour's distance is the score; null where there is no such score.
    references: images among which neighbours are sought; null where there is no such score.
    scores: () where an image of either is not judged, which no inspection records.
    remarks: a sentence for what was left out, or not measured.
    kind: "data", "noise" (Gaussian, of the mean and deviation of each channel) or "tiles" (the images themselves,
        each cut into 4 × 4 tiles in a drawn order).
    """

    other: str
    split: str
    images: Count
    other_split: str
    other_images: Count
    neighbour: Count | None
    references: Count | None
    scores: tuple[OutlyingScore, ...]
    remarks: tuple[str, ...]
    kind: Literal["data", "noise", "tiles"] = "data"


@result
class AgainstOthers:
    """The measured images against images of other kinds, by a run's network.

    data: the other data as the plan names them; "" where it names none.
    rows: a row a kind, the named data first; () where it was left out.
    left_out: why it was; "" where it was not.
    """

    data: str
    rows: tuple[OutOfDistribution, ...]
    left_out: str
