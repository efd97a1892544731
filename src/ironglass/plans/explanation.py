"""What an explanation step is asked for: methods, images, targets, and what is done to the images."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.fields import dataclass
from ironglass.registry import registered_name
from ironglass.train.recipe import MOST_IMAGES

RECTANGLE = re.compile(r"\d+( *, *\d+){3}")
TARGETS = ("predicted", "true")


def _known(name: str) -> str:
    if name not in EXPLAINERS:
        raise unknown("explainer", name, EXPLAINERS)
    return name


MethodName = Annotated[str, BeforeValidator(partial(registered_name, kind="explainer")), AfterValidator(_known)]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Explained:
    """By which methods images are explained, which images, and what they are explained again after.

    methods: names in EXPLAINERS, or explainer objects; none for Grad-CAM of every layer and the occlusion curve.
    target: the class that is explained, "predicted" by the network, "true", or a class's name. images: which of the
    measured split: "random" for as many as the audit's `samples`, drawn by the seed, "misclassified" for as many of
    those the network names wrong, "all", or "chosen". chosen: images for the report, and where `images` is "chosen" the
    only ones: names of images, or names of classes, each of which stands for one image of the class drawn by the seed.

    hide: what a manual occlusion attack sets to black: the patch that holds most of a map, by the name of one of the
    methods (of a gradient most by size, else most that speaks for the target); a rectangle "top,left,height,width" in
    pixels; or an image file of the size of the images, hidden where it is not black; "" for no such attack. quality:
    images, spread evenly, on which the methods themselves are tested; 0 for none. pictures: whether every map becomes a
    PNG file. batch: images explained at once, the unit of resuming.
    Raises InputError for what is unknown or does not go together.
    """

    methods: tuple[MethodName, ...] = ()
    target: str = "predicted"
    images: Literal["random", "misclassified", "all", "chosen"] = "random"
    chosen: tuple[str, ...] = ()
    hide: str = ""
    quality: int = Field(default=32, ge=0, le=MOST_IMAGES)
    pictures: bool = False
    batch: int = Field(default=64, gt=0, le=MOST_IMAGES)

    def __post_init__(self) -> None:
        if self.images == "chosen" and not self.chosen:
            raise InputError("images is chosen, and none is: name images or classes with --chosen")
        if self.hide in EXPLAINERS and self.hide not in self.methods:
            raise InputError(f"hide is {self.hide}, which is not among the methods: add it to --methods")
        if not self.methods and (self.hide or self.chosen or self.images != "random" or self.target != "predicted"):
            raise InputError("target, images, chosen and hide are for methods by name: give --methods saliency, say")
