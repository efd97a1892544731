"""`inspection.against` of `results.json`: whether a model tells its data's images from those of other data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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
    """The data's images against those of other data.

    other: name of the other data.
    split: of the data, whose images are told from the others.
    images: of them.
    other_split: of the other data.
    other_images: of them.
    neighbour: how manieth neighbour's distance is the score; null where there is no such score.
    references: images among which neighbours are sought; null where there is no such score.
    scores: at least one.
    remarks: a sentence for what was left out, or not measured.
    """

    other: str
    split: str
    images: Count
    other_split: str
    other_images: Count
    neighbour: Count | None
    references: Count | None
    scores: Annotated[tuple[OutlyingScore, ...], Field(min_length=1)]
    remarks: tuple[str, ...]
