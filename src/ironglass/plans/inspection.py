"""The plan of an inspection of data."""

from __future__ import annotations

from dataclasses import fields
from typing import Literal

from pydantic import Field

from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.plans.audit import Audit, only_parts
from ironglass.train.recipe import Name, Recipe

Search = Literal["near-duplicates", "label-errors"]
SEARCHES: tuple[Search, ...] = ("near-duplicates", "label-errors")


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Inspection(Recipe):
    """A data set whose images are inspected, and a trained model, if any, on which the faults are measured.

    dataset: the data set, as `load_dataset` takes it.
    model: whose accuracy is measured with and without the images at fault; "" for none.
    searches: beside counts, exact duplicates and outliers.
    split: the split that the model is measured on; "auto" is test, else validation.
    pictures: pictures of each finding, at most.
    against: other data, as `load_dataset` takes them or a folder of images, whose images the model is to tell from its
        own; "" for none.

    Raises InputError where no data are named, and for weights or `against` without a model.
    """

    name: Name = "inspect"
    description: str = "The images of a data set as they are stored, their faults, and what these do to an accuracy."
    searches: tuple[Search, ...] = SEARCHES
    split: str = "auto"
    pictures: int = Field(default=24, ge=0, le=200)
    against: str = ""

    def __post_init__(self) -> None:
        if not self.dataset:
            raise InputError("the plan names no data: fill in the field dataset")
        if not self.model and (self.weights is not None or self.pretrained):
            raise InputError("weights are of a model, and none is named: fill in the field model")

        if self.against and not self.model:
            raise InputError(f"--against {self.against}: a model tells the images apart, and none is named: name one")

    def evaluation(self) -> Audit:
        """The audit that measures the model on the same data."""
        shared = {field.name: getattr(self, field.name) for field in fields(Recipe)}
        return Audit(**only_parts(**shared, evaluation=True, split=self.split))
