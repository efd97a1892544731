"""The plan of a transfer study, and the networks that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeAlias, cast

import numpy as np
from pydantic import Field, model_validator
from pydantic_core import ArgsKwargs

from ironglass.eps import Eps
from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.models.loading.native import knows_classes
from ironglass.models.structure.blocks import Blocks
from ironglass.models.structure.transplant import Transplant
from ironglass.plans.attacks import AttackName
from ironglass.plans.audit import Audit
from ironglass.run.recipe_versions import TRANSFER_FIELDS, renamed
from ironglass.train.recipe import MOST_IMAGES, Recipe, Stage

SOURCE = "base-A"
COPIED = "blocks"
"""As a stage's `trainable_from`: what comes after the copied blocks."""

Arm: TypeAlias = Literal["base", "AnB", "AnB+", "BnB", "BnB+", "random"]
LETTERS = {"AnB": "A", "AnB+": "A", "BnB": "B", "BnB+": "B", "random": "R"}
ARMS: tuple[Arm, ...] = ("AnB", "AnB+")
CONTROLS: tuple[Arm, ...] = ("BnB", "BnB+", "random")


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Transfer:
    """The first blocks of a source network in networks for other data, and what these withstand (Yosinski et al. 2014,
    arXiv 1411.1792, with attacks).

    source: base A: a trained model, taken as it is, or one without weights, trained by its stages on its data. target:
    base B: the same network, trained anew by its stages on its data; its field model is not read. Every transplanted
    network is trained on the target's data by `frozen_stages` (AnB, and the controls BnB and random-frozen) or
    `fine_tuned_stages` (AnB+, BnB+), without augmentation; a stage whose trainable_from is "blocks" holds the copied
    ones. The schedule that is filled in is that of the `transfer-defence` recipe.

    blocks: how many are copied; () for every number there is. controls: the numbers at which the control networks are
    made; () for five, spread evenly. seeds: how many trainings, from the target's seed on, of orders and of fresh
    weights; the first has every number of blocks, the others those of the controls. control_seeds: how many have
    controls, too. classes: whose the networks answer in: "target", the data's own, or "source", base A's list, by name
    or WordNet id (of ImageNet-R the 200 or the 1,000 classes).

    transfer_attacks, eps: attacks whose images are made once on base A and given to all, and their sizes, by `norm`.
    headline_eps: at which the claims are tested, with the first of `transfer_attacks` and the last of
    `white_box_attacks`. white_box_attacks, white_box_eps: attacks made on each network itself, on `white_box_images` of
    the split. images: of the split, at most, spread evenly. matrix_images: of those for the matrix of all networks
    against all. Names of fields before version 0.3 are accepted, too, as `RENAMED` lists them.
    Raises InputError for a plan that says nothing.
    """

    RENAMED: ClassVar[Mapping[str, str]] = TRANSFER_FIELDS
    """Former names of fields, and today's."""

    source: Audit
    target: Audit
    frozen_stages: tuple[Stage, ...] = Field(
        default=(Stage(epochs=4, peak_lr=0.05, trainable_from=COPIED),), min_length=1
    )
    fine_tuned_stages: tuple[Stage, ...] = Field(
        default=(
            Stage(epochs=2, peak_lr=0.05, trainable_from=COPIED, name="new layers"),
            Stage(epochs=2, peak_lr=0.02, name="all layers"),
        ),
        min_length=1,
    )
    blocks: tuple[int, ...] = ()
    controls: tuple[int, ...] = ()
    seeds: int = Field(default=1, ge=1, le=100)
    control_seeds: int = Field(default=1, ge=1, le=100)
    classes: Literal["target", "source"] = "target"
    transfer_attacks: tuple[AttackName, ...] = Field(default=("fgsm", "pgd-20"), min_length=1)
    eps: tuple[Eps, ...] = Field(default=(4 / 255, 8 / 255, 16 / 255), min_length=1)
    headline_eps: Eps = 8 / 255
    norm: Literal["linf", "l2", "l1"] = "linf"
    white_box_attacks: tuple[AttackName, ...] = Field(default=("fgsm", "pgd-20"), min_length=1)
    white_box_eps: tuple[Eps, ...] = Field(default=(1 / 255, 8 / 255), min_length=1)
    images: int = Field(default=1000, ge=2, le=MOST_IMAGES)
    white_box_images: int = Field(default=250, ge=2, le=MOST_IMAGES)
    matrix_images: int = Field(default=200, ge=2, le=MOST_IMAGES)

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        if isinstance(values, ArgsKwargs):
            return ArgsKwargs(values.args, renamed(values.kwargs or {}, cls.RENAMED))
        return renamed(cast("dict[str, Any]", values), cls.RENAMED) if isinstance(values, dict) else values

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.target.name

    @property
    def each_seed(self) -> list[int]:
        """The seeds themselves."""
        return [self.target.seed + number for number in range(self.seeds)]

    @property
    def trains_source(self) -> bool:
        """True where base A comes without weights, and is trained."""
        source = self.source
        return not knows_classes(source.model, weighted=source.pretrained or source.weights is not None)

    def __post_init__(self) -> None:
        if self.headline_eps not in self.eps or self.headline_eps not in self.white_box_eps or not self.headline_eps:
            raise InputError(
                f"headline_eps is {self.headline_eps:g}: give it among eps and white_box_eps, so that both can be "
                "told apart"
            )
        if not self.source.model or not self.target.dataset:
            raise InputError("name the source's model and the target's data: source.model and target.dataset")
        if self.trains_source and not self.source.dataset:
            raise InputError(f"{self.source.model} has no trained weights: give source.dataset to train base A on")
        if len({*self.blocks}) < len(self.blocks) or len({*self.controls}) < len(self.controls):
            raise InputError("blocks and controls name a number of blocks twice: give each once")


@dataclass(frozen=True, kw_only=True)
class TransferNetwork:
    """One network of the study. blocks: how many are copied; None for base B."""

    arm: Arm
    seed: int
    blocks: int | None = None

    @property
    def name(self) -> str:
        """Its folder's, as "A08B+-s0" or "base-B-s0"."""
        if self.blocks is None:
            return f"base-B-s{self.seed}"
        return f"{LETTERS[self.arm]}{self.blocks:02}B{'+' if self.arm.endswith('+') else ''}-s{self.seed}"

    @property
    def donor(self) -> str | None:
        """The network that its blocks come from, None where they are fresh."""
        if not self.blocks or self.arm == "random":
            return None
        return SOURCE if self.arm in ARMS else f"base-B-s{self.seed}"

    @property
    def fresh_seed(self) -> int:
        """Seed of its fresh weights: the same for all transplanted networks of a seed, and another than base A's and
        base B's, whose layers are co-adapted to their own initialisation."""
        word = b"base" if self.blocks is None else b"transplanted"
        return int(np.random.SeedSequence([self.seed, *word]).generate_state(1)[0])


def networks_of(plan: Transfer, blocks: Blocks) -> list[TransferNetwork]:
    """Every network but base A: the bases, the first seed's grid and controls, then the others'.

    At no block nothing is copied and nothing held, and the controls would be AnB and AnB+ once more: they are left out.
    Raises InputError for more blocks than the network has.
    """
    depths, controls = depths_of(plan, blocks)
    first, *others = plan.each_seed
    networks = [TransferNetwork(arm="base", seed=seed) for seed in plan.each_seed]
    control_depths = [n for n in controls if n]
    networks += [TransferNetwork(arm=arm, seed=first, blocks=n) for n in depths for arm in ARMS]
    networks += [TransferNetwork(arm=arm, seed=first, blocks=n) for n in control_depths for arm in CONTROLS]
    networks += [TransferNetwork(arm=arm, seed=seed, blocks=n) for seed in others for n in controls for arm in ARMS]
    again = others[: plan.control_seeds - 1]
    networks += [
        TransferNetwork(arm=arm, seed=seed, blocks=n) for seed in again for n in control_depths for arm in CONTROLS
    ]
    return networks


def depths_of(plan: Transfer, blocks: Blocks) -> tuple[list[int], list[int]]:
    """The numbers of blocks that are copied, and those of them at which there are controls, in order."""
    depths = sorted(plan.blocks) or list(range(len(blocks) + 1))
    positions: list[float] = np.linspace(0, len(depths) - 1, min(5, len(depths))).tolist()
    spread = [depths[round(position)] for position in positions]
    for n in (*depths, *plan.controls):
        blocks.end(n)
    if missing := [n for n in plan.controls if n not in depths]:
        raise InputError(f"controls at {missing[0]} blocks need the networks to compare with: add it to blocks")
    return depths, sorted(plan.controls) or spread


def recipe_of(plan: Transfer, network: TransferNetwork, blocks: Blocks, model: str) -> Recipe:
    """Recipe that trains a network: the target's own for base B, else the schedule of its arm."""
    target = plan.target
    fields: dict[str, Any] = {
        "name": network.name,
        "dataset": target.dataset,
        "model": model,
        "size": target.size,
        "seed": network.seed,
    }
    if network.blocks is None:
        return Recipe(**fields, stages=target.stages, augment=target.augment, average=target.average)
    stages = plan.fine_tuned_stages if network.arm.endswith("+") else plan.frozen_stages
    first = blocks.next_layer(network.blocks)
    start = Transplant(source=network.donor, blocks=network.blocks) if network.donor else None
    return Recipe(**fields, start=start, stages=tuple(_placed(stage, first) for stage in stages))


def _placed(stage: Stage, first: str | None) -> Stage:
    return replace(stage, trainable_from=first) if stage.trainable_from == COPIED else stage
