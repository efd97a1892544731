"""What an audit is asked for."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ironglass.attacks import find_attack
from ironglass.choices import shown
from ironglass.data.corruptions.corrupt import find_corruptions
from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.plans.explanation import Explained
from ironglass.registry import registered_name
from ironglass.train.recipe import MOST_IMAGES, MOST_SIDE, Recipe

Mask = Literal["grey", "black", "white", "mean", "blur"]
Step = Literal["train", "evaluate", "corrupt", "explain", "attack"]


def parse_eps(value: float | str) -> float:
    """A size of change in units of [0, 1], also from "8/255". Raises InputError for what is no finite number ≥ 0."""
    try:
        above, _, below = str(value).partition("/")
        eps = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError, OverflowError):
        eps = math.nan
    if not 0 <= eps < math.inf:
        raise InputError(f"eps {shown(value)} is not a number of at least 0: write 0.03 or 8/255")
    return eps


def _known(name: str) -> str:
    find_attack(name)
    return name


def _corruption(name: str) -> str:
    find_corruptions((name,))
    return name


Eps = Annotated[float, BeforeValidator(parse_eps)]
AttackName = Annotated[str, BeforeValidator(partial(registered_name, kind="attack")), AfterValidator(_known)]
CorruptionName = Annotated[str, AfterValidator(_corruption)]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Audit(Recipe):
    """A training recipe, and what is looked at afterwards.

    steps: which parts of the loop to run. split: the split that is measured; "auto" is test, else validation. attacks:
    names that `find_attack` knows, or attack objects, whose threat is replaced by norm and eps; none for FGSM's curve
    alone. norm, eps: of the change, in units of [0, 1].
    attack_batch: images attacked at once, the unit that an interrupted run keeps; other sizes draw other numbers.
    masks: what the occluding patch is filled with. patch, stride: of the patch, in pixels; None for a quarter of the
    image's shorter side and half a patch. samples: how many images, drawn by the seed, the attacks and the occlusion
    are measured on. shown: images shown in the report. probe_images: training images that the linear probes learn from.
    patches: sizes in pixels of patches of the first mask that are tried at every place, `stride` or 1 pixel apart, on
    `patch_images` of the images, spread evenly; none for no such search.
    guard: "on" takes training on adversarial images back where it collapses; "pgd" and "fgsm" only look on, and keep
    the epoch that stands this attack best: where eps rises from stage to stage, or a published run had no guard.
    guard_eps: the size it attacks by, in units of [0, 1], where an objective does not say its own; None for none.
    corruptions: names that `find_corruptions` knows, "all" among them, of what is done to `corruption_images` images of
    the split, spread evenly; none for no such step.
    explained: by which methods images are explained, in place of Grad-CAM's layers and the occlusion curve; where the
    attacks are named too, the maps are compared with those under attack at the largest eps.
    Raises InputError for an eps above 1 under Linf, and for attacks, a norm or corruptions that say nothing.
    """

    steps: tuple[Step, ...] = ("train", "evaluate", "corrupt", "explain", "attack")
    split: str = "auto"
    eps: tuple[Eps, ...] = (1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)
    attacks: tuple[AttackName, ...] = ()
    norm: Literal["linf", "l2"] = "linf"
    attack_batch: int = Field(default=64, gt=0, le=MOST_IMAGES)
    masks: tuple[Mask, ...] = ("grey", "black", "mean", "blur")
    patch: int | None = Field(default=None, gt=0, le=MOST_SIDE)
    stride: int | None = Field(default=None, gt=0, le=MOST_SIDE)
    samples: int = Field(default=1000, gt=0, le=MOST_IMAGES)
    shown: int = Field(default=12, ge=0, le=64)
    probe_images: int = Field(default=2000, gt=1, le=MOST_IMAGES)
    patches: tuple[Annotated[int, Field(gt=0, le=MOST_SIDE)], ...] = ()
    patch_images: int = Field(default=200, gt=0, le=MOST_IMAGES)
    corruptions: tuple[CorruptionName, ...] = ()
    corruption_images: int = Field(default=1000, gt=0, le=MOST_IMAGES)
    guard: Literal["on", "pgd", "fgsm"] = "on"
    guard_eps: Annotated[Eps, Field(gt=0, le=1)] | None = None
    explained: Explained = Field(default_factory=Explained)

    def __post_init__(self) -> None:
        if self.norm == "linf" and max(self.eps, default=0) > 1:
            largest = max(self.eps)
            raise InputError(f"eps {largest:g} is beyond 1, the range of an image: for bytes write {largest:g}/255")
        if self.attacks and not max(self.eps, default=0):
            raise InputError("every eps is 0, under which no attack may change anything: give one above 0, as 8/255")
        if self.norm != "linf" and not self.attacks:
            raise InputError(f"norm {self.norm} is for named attacks, and attacks is empty: give it pgd-20, say")
        for name in self.attacks:
            norms = getattr(find_attack(name), "norms", (self.norm,))
            if self.norm not in norms:
                raise InputError(
                    f"{name} works under {', '.join(norms)}, and norm is {self.norm}: leave one of them out"
                )
        if self.corruptions and "corrupt" not in self.steps:
            raise InputError("corruptions are named, and no step measures them: add corrupt to steps")
