"""Recipes for training runs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from ironglass.choices import shown
from ironglass.data.augment import Augment
from ironglass.data.augmentation.own import as_augment
from ironglass.data.decoding.decode import Fit
from ironglass.data.decoding.depth import parse_range
from ironglass.errors import InputError
from ironglass.fields import SEEDS, dataclass
from ironglass.models.structure.transplant import Transplant
from ironglass.train.freeze import HEAD
from ironglass.train.objective import CrossEntropy, as_objective
from ironglass.train.plateau import Plateau
from ironglass.train.ramp import can_shrink
from ironglass.train.schedule import ScheduleName

MOST_EPOCHS = 1_000_000
"""Largest number of epochs of a stage: a larger one is a typing error, and its schedule would not fit in memory."""
MOST_IMAGES = 2**31 - 1
"""Largest number of images of a batch or a sample: torch counts them in 32 bits."""
MOST_SIDE = 4096
"""Largest side of decoded images, in pixels."""


def _folder_name(name: str) -> str:
    if not re.fullmatch(r"[\w. ()+,@=-]{1,100}", name) or name.strip(". ") == "":
        raise InputError(
            f"name is {shown(name)}: it names the run's folder, so give letters, digits, - and _, up to 100"
        )
    return name


Name = Annotated[str, AfterValidator(_folder_name)]


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Stage:
    """Some epochs with one optimiser, one schedule and one objective.

    epochs: 1 or more.
    peak_lr: the highest learning rate.
    schedule: "one-cycle", "step", "plateau", "constant" or "exponential", a geometric fall.
    last_lr: where "exponential" ends; None for a tenth of `peak_lr`.
    optimiser: "sgd" with Nesterov's momentum, "adamw", or "adam", whose decay is part of the gradient.
    weight_decay: 0 or more.
    batch_size: images a step, 2 or more.
    objective: a function (classifier, images, labels) -> (loss, logits), or of the loss alone; one of ours as
        `NFGSM(eps=8 / 255)`, or its name, "n-fgsm".
    eps_ramp: epochs over which the objective's eps grows in a straight line from 0, a little every step; 0 for none.
    trainable_from: name of the first trained layer, as in `Classifier.layers`; layers before it are frozen, with their
        batch-norm statistics. "head" for the last layer, "70%" for the layers after the first 70 %, None for all.
    until: ends the stage before its `epochs` are over; None for never.
    aux_weight: weight of the cross-entropy of each auxiliary output, as GoogLeNet (published: 0.3) and Inception v3
        (0.4) have in training; 0 for the logits alone.
    name: for the chart; "" for one made of `trainable_from`.
    """

    epochs: int = Field(default=10, gt=0, le=MOST_EPOCHS)
    peak_lr: float = Field(default=0.1, gt=0, le=1e30, allow_inf_nan=False)
    schedule: ScheduleName = "one-cycle"
    last_lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    optimiser: Literal["sgd", "adamw", "adam"] = "sgd"
    weight_decay: float = Field(default=5e-4, ge=0, le=1e6, allow_inf_nan=False)
    batch_size: int = Field(default=64, gt=1, le=MOST_IMAGES)
    objective: Annotated[Any, BeforeValidator(as_objective)] = Field(default_factory=CrossEntropy)
    eps_ramp: float = Field(default=0.0, ge=0, le=MOST_EPOCHS, allow_inf_nan=False)
    trainable_from: str | None = None
    until: Plateau | None = None
    aux_weight: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)
    name: str = ""

    def __post_init__(self) -> None:
        if self.aux_weight and type(self.objective) is not CrossEntropy:
            raise InputError(
                f"aux_weight {self.aux_weight:g} is for the plain cross-entropy: with another objective leave it out"
            )
        if self.eps_ramp > self.epochs:
            raise InputError(
                f"eps_ramp is {self.eps_ramp:g} of {self.epochs} epochs: give fewer, to reach the whole eps"
            )
        if self.eps_ramp and not can_shrink(self.objective):
            raise InputError("eps_ramp is for an objective with a field eps, as n-fgsm: leave it out, or name one")
        if self.last_lr is not None and self.schedule != "exponential":
            raise InputError(f"last_lr is for the schedule 'exponential', not for {self.schedule!r}: leave it out")
        if self.last_lr is not None and self.last_lr > self.peak_lr:
            raise InputError(
                f"last_lr {self.last_lr} is above peak_lr {self.peak_lr}: the rate falls from one to the other"
            )


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Recipe:
    """A training run: data, network, stages, augmentation and seed.

    name: of the run, for its folder.
    description: a sentence for the report.
    dataset, model, size, channels, pretrained, weights: what `fit` is given, as `load_dataset` and `load_classifier`
        take them.
    image_column, label_column, splits, fit, range: as `load_dataset` takes them; fit and range: None for what the
        model's own run says.
    only: the classes to keep, in this order; () for all.
    leave_out: a file of names of images to leave out, as `load_dataset` takes it; None for none.
    mean, std, normalise: as `load_classifier` takes them.
    classes: names of the network's outputs, in their order; () for the model's own, else the data's.
    class_map: the model's name for classes that the data call otherwise.
    options: for the network's builder.
    start: another network whose first blocks are copied; None for none.
    stages: one or more, trained in turn.
    augment: random changes of the training images: an `Augment`, a function of a batch of images, or of images and
        labels, or one of torchvision's transforms, as `data.augmentation.own.OwnAugment` says.
    average: decay a step of the exponential moving average of the weights, which is then validated and kept (Polyak &
        Juditsky 1992); 0 for none.
    balance: of uneven classes: "weights" of the loss, so that every class counts alike, or a "sampler" that draws every
        class as often, with replacement; "none" for images as they are.
    seed: of everything that is drawn, from 0 to 2³² − 1.
    """

    name: Name = "train"
    description: str = ""
    dataset: str = ""
    model: str = ""
    size: int | None = Field(default=None, gt=0, le=MOST_SIDE)
    channels: Literal[1, 3] | None = None
    image_column: str | None = None
    label_column: str | None = None
    splits: dict[str, str] = Field(default_factory=dict)
    only: tuple[str, ...] = ()
    leave_out: str | None = None
    fit: Fit | None = None
    range: Annotated[tuple[float, float] | None, BeforeValidator(parse_range)] = None
    pretrained: bool = False
    weights: str | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    normalise: Literal["imagenet", "half", "none"] | None = None
    classes: tuple[str, ...] = ()
    class_map: dict[str, str] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    start: Transplant | None = None
    stages: tuple[Stage, ...] = Field(default_factory=lambda: (Stage(),), min_length=1)
    augment: Annotated[Any, BeforeValidator(as_augment)] = Field(default_factory=Augment)
    average: float = Field(default=0.0, ge=0, lt=1)
    balance: Literal["none", "weights", "sampler"] = "none"
    seed: int = Field(default=0, ge=0, lt=SEEDS)


def stage_name(stages: tuple[Stage, ...], number: int) -> str:
    """Name of a stage for the chart: its own, or what is trained in it where that differs between the stages."""
    stage = stages[number]
    if stage.name or stage.trainable_from:
        return stage.name or ("head alone" if stage.trainable_from == HEAD else f"from {stage.trainable_from}")
    return "all layers" if any(other.trainable_from for other in stages) else f"stage {number + 1}"
