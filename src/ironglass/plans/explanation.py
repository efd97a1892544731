"""The explanation part of an audit's plan: methods, images, targets, and treatments of the images."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.fields import dataclass
from ironglass.plans.attacks import Attacks
from ironglass.plans.parts import short_for
from ironglass.registry import registered_name
from ironglass.train.recipe import MOST_IMAGES, MOST_SIDE

RECTANGLE = re.compile(r"\d+( *, *\d+){3}")
MOST_BUDGET = 10**6
TARGETS = ("predicted", "true")


def _method_name(name: str) -> str:
    if name not in EXPLAINERS:
        raise unknown("explainer", name, EXPLAINERS)
    return name


MethodName = Annotated[str, BeforeValidator(partial(registered_name, kind="explainer")), AfterValidator(_method_name)]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class ExplanationPlan:
    """Methods that explain images, the images, and treatments after which these are explained again.

    methods: names in EXPLAINERS, or explainer objects; none for no maps by method.
    target: the explained class: "predicted" by the network, "true", or a class's name.
    images: those of the measured split that are explained: "random" for as many as `sampling.images`, drawn by the
        seed, "misclassified" for as many of those that are misclassified, "all", or "chosen".
    chosen: images for the report, and where `images` is "chosen" the only ones: names of images, or names of classes,
        each of which stands for one image of the class drawn by the seed.
    hide: the region to black out: the name of one of the methods, for its highest-scoring patch (of a gradient by its
        size); a rectangle "top,left,height,width" in pixels; or an image file of the size of the images, hidden where
        it is not black; "" for none.
    quality: images, spread evenly, on which the methods themselves are tested; 0 for none.
    pictures: whether every map becomes a PNG file.
    batch: images explained at once, the unit of resuming.
    attacks: those under which the images are explained again, at the largest eps; None for the named ones of the audit.
    patch: side of the patch of `hide` and of methods that slide one, in pixels; None for the occlusion curve's.
    stride: its step in pixels; None for the occlusion curve's.
    budget: forward passes an image of methods that sample, as rise and kernel-shap; None for their own.

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
    attacks: Annotated[Attacks | None, short_for(Attacks)] = None
    patch: int | None = Field(default=None, gt=0, le=MOST_SIDE)
    stride: int | None = Field(default=None, gt=0, le=MOST_SIDE)
    budget: int | None = Field(default=None, gt=0, le=MOST_BUDGET)

    SHORT: ClassVar[str] = "methods"
    OPTIONAL: ClassVar[tuple[str, ...]] = ("attacks",)

    def __post_init__(self) -> None:
        if self.images == "chosen" and not self.chosen:
            raise InputError("images is chosen, and none is: name images or classes with --chosen")
        if self.hide in EXPLAINERS and self.hide not in self.methods:
            raise InputError(f"hide is {self.hide}, which is not among the methods: add it to --methods")
        if not self.methods and (self.hide or self.chosen or self.images != "random" or self.target != "predicted"):
            raise InputError("target, images, chosen and hide are for methods by name: give --methods saliency, say")
        if self.budget is not None:
            sampling = [EXPLAINERS[name] for name in self.methods if hasattr(EXPLAINERS[name], "budget")]
            if not sampling:
                names = ", ".join(name for name, one in EXPLAINERS.items() if hasattr(one, "budget"))
                raise InputError(f"a budget is for methods that sample, and none is named: choose from {names}")
            for explainer in sampling:
                replace(explainer, budget=self.budget)  # refuses one that is too small


Explained = ExplanationPlan
"""The former name."""
