"""The plan of a comparison."""

from __future__ import annotations

import re

from pydantic import Field

from ironglass.eps import Eps
from ironglass.errors import InputError
from ironglass.fields import check_seed, dataclass
from ironglass.plans.attacks import AttackName, Attacks
from ironglass.plans.audit import Audit
from ironglass.train.recipe import MOST_IMAGES, Stage

BASE = "base"


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Arm:
    """One way to train: its stages, and what the page calls it; "" for its name."""

    stages: tuple[Stage, ...] = Field(min_length=1)
    label: str = ""


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Comparison:
    """One model trained in several ways, every one of them measured alike on the same images.

    base: the audit of the first arm, "base"; the others differ in their stages only. arms: the others, by name.
    transferred: attacks whose images are made once on every arm and shown to all, the base's also on training images:
    what a network withstands of these says how far it is from their maker. transferred_eps: their sizes, in units of
    [0, 1]; none for the base's. images: how many of each split. pictured: images whose saliency maps are shown, of
    every arm. maximised: classes whose most typical image every arm is asked for. seeds: trainings of every arm, by the
    base's seed and those after it, all judged on the same images; an arm is better only where it is so over images and
    over seeds, and images shown to all are those of the first.
    Raises InputError where there is nothing to compare.
    """

    base: Audit
    arms: dict[str, Arm]
    transferred: tuple[AttackName, ...] = Field(default=("fgsm",), min_length=1)
    transferred_eps: tuple[Eps, ...] = ()
    images: int = Field(default=500, gt=0, le=MOST_IMAGES)
    pictured: int = Field(default=4, ge=1, le=16)
    maximised: int = Field(default=4, ge=0, le=16)
    seeds: int = Field(default=1, ge=1, le=1000)

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.base.name

    @property
    def labels(self) -> dict[str, str]:
        """Label of each arm on the page, the base first."""
        return {BASE: BASE} | {name: arm.label or name for name, arm in self.arms.items()}

    @property
    def plans(self) -> dict[str, tuple[Stage, ...]]:
        """The stages of each arm, the base first."""
        return {BASE: self.base.stages} | {name: arm.stages for name, arm in self.arms.items()}

    @property
    def sizes(self) -> list[float]:
        """Every eps of the images that are shown to all, in order."""
        return sorted({*(self.transferred_eps or self.attacks.eps)} - {0.0})

    @property
    def attacks(self) -> Attacks:
        """The attacks by which arms are compared."""
        assert self.base.attacks is not None
        return self.base.attacks

    def __post_init__(self) -> None:
        if self.base.named_attacks is None:
            raise InputError("arms are compared by named attacks, and attacks is empty: give it pgd-20, say")
        if not (self.base.training and self.base.evaluation and self.base.attacks):
            raise InputError("arms are trained, evaluated and attacked: leave training, evaluation and attacks in base")
        if not self.sizes:
            raise InputError("transferred_eps holds nothing above 0: give 8/255, say, or leave it out")
        if not self.arms or BASE in self.arms:
            raise InputError(f"give arms to compare with {BASE!r}, the audit's own, by other names")
        check_seed(self.base.seed + self.seeds - 1)
        for name in self.arms:
            if not re.fullmatch(r"\w[\w.-]*", name):
                raise InputError(f"the arm {name!r} will be a folder: give it letters, digits, - and _")
