"""What an audit is asked for."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ironglass.attacks import find_attack
from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.plans.eps import Eps
from ironglass.plans.explanation import Explained
from ironglass.plans.parts import Corruptions, Guard, OcclusionCurve, PatchSearch, short_for
from ironglass.registry import registered_name
from ironglass.train.recipe import MOST_IMAGES, Recipe

Step = Literal["train", "evaluate", "corrupt", "explain", "attack"]


def _known(name: str) -> str:
    find_attack(name)
    return name


AttackName = Annotated[str, BeforeValidator(partial(registered_name, kind="attack")), AfterValidator(_known)]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Audit(Recipe):
    """A training recipe, and what is looked at afterwards.

    steps: which parts of the loop to run. split: the split that is measured; "auto" is test, else validation. attacks:
    names that `find_attack` knows, or attack objects, whose threat is replaced by norm and eps; none for FGSM's curve
    alone. norm, eps: of the change, in units of [0, 1].
    attack_batch: images attacked at once, the unit that an interrupted run keeps; other sizes draw other numbers.
    samples: how many images, drawn by the seed, the attacks and the occlusion are measured on. shown: images shown in
    the report. probe_images: training images that the linear probes learn from.

    Parts with fields of their own, each an object or a dict of its fields:
    occlusion: the sliding patch (`OcclusionCurve`). patches: the search over every position of patches (`PatchSearch`),
    or its sizes alone. corruptions: those measured (`Corruptions`), or their names alone. guard: the guard against
    catastrophic overfitting (`Guard`), or its mode alone. explained: by which methods images are explained, in place of
    Grad-CAM's layers and the occlusion curve; where the attacks are named too, the maps are compared with those under
    attack at the largest eps.
    Raises InputError for an eps above 1 under Linf, and for attacks, a norm or corruptions that say nothing.
    """

    steps: tuple[Step, ...] = ("train", "evaluate", "corrupt", "explain", "attack")
    split: str = "auto"
    eps: tuple[Eps, ...] = (1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255)
    attacks: tuple[AttackName, ...] = ()
    norm: Literal["linf", "l2"] = "linf"
    attack_batch: int = Field(default=64, gt=0, le=MOST_IMAGES)
    occlusion: OcclusionCurve = Field(default_factory=OcclusionCurve)
    samples: int = Field(default=1000, gt=0, le=MOST_IMAGES)
    shown: int = Field(default=12, ge=0, le=64)
    probe_images: int = Field(default=2000, gt=1, le=MOST_IMAGES)
    patches: Annotated[PatchSearch, short_for("sizes")] = Field(default_factory=PatchSearch)
    corruptions: Annotated[Corruptions, short_for("names")] = Field(default_factory=Corruptions)
    guard: Annotated[Guard, short_for("mode")] = Field(default_factory=Guard)
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
        if self.corruptions.names and "corrupt" not in self.steps:
            raise InputError("corruptions are named, and no step measures them: add corrupt to steps")
