"""What a training run is asked to do."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from ironglass.data.augment import Augment
from ironglass.errors import InputError
from ironglass.models.transplant import Transplant
from ironglass.train.freeze import HEAD
from ironglass.train.objective import CrossEntropy
from ironglass.train.plateau import Plateau


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Stage:
    """Some epochs with one optimiser, one schedule and one objective.

    trainable_from: the first layer, by name as `Classifier.layers` gives it, that learns; layers before it are frozen,
    their batch-norm statistics too. Of any network: "head", the last layer, or "70%", what comes after the first 70 %
    of the layers. None: all learn. until: ends the stage before its `epochs` are over.
    last_lr: where the schedule "exponential", a geometric fall, ends after `epochs`; None: a tenth of `peak_lr`.
    name: for the chart; "" for one made of `trainable_from`.
    """

    epochs: int = Field(default=10, gt=0)
    peak_lr: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    schedule: Literal["one-cycle", "step", "plateau", "constant", "exponential"] = "one-cycle"
    last_lr: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    optimiser: Literal["sgd", "adamw"] = "sgd"
    weight_decay: float = Field(default=5e-4, ge=0, allow_inf_nan=False)
    batch_size: int = Field(default=64, gt=1)
    objective: Any = Field(default_factory=CrossEntropy)  # an Objective; callables have no schema to check
    trainable_from: str | None = None
    until: Plateau | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.last_lr is not None and self.schedule != "exponential":
            raise InputError(f"last_lr is for the schedule 'exponential', not for {self.schedule!r}: leave it out")
        if self.last_lr is not None and self.last_lr > self.peak_lr:
            raise InputError(
                f"last_lr {self.last_lr} is above peak_lr {self.peak_lr}: the rate falls from one to the other"
            )


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Recipe:
    """A training run: on what, of what, and how. `dataset`, `model` and `size` name what `fit` is given, for the record
    and the command line; `options` go to the network's builder. only: the classes to keep, in this order; () for all.

    start: what the network's first blocks are copied from; None for a network as it is loaded.
    average: decay a step of the exponential moving average of the weights, which is then what is validated and kept
    (Polyak & Juditsky 1992); 0 for none.
    """

    name: str = "train"
    description: str = ""
    dataset: str = ""
    model: str = ""
    size: int | None = Field(default=None, gt=0)
    channels: Literal[1, 3] | None = None
    image_column: str | None = None
    label_column: str | None = None
    only: tuple[str, ...] = ()
    pretrained: bool = False
    weights: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    start: Transplant | None = None
    stages: tuple[Stage, ...] = Field(default_factory=lambda: (Stage(),), min_length=1)
    augment: Augment = Field(default_factory=Augment)
    average: float = Field(default=0.0, ge=0, lt=1)
    seed: int = Field(default=0, ge=0, lt=2**32)


def stage_name(stages: tuple[Stage, ...], number: int) -> str:
    """What the chart calls a stage: its own name, or what learns in it where that differs between the stages."""
    stage = stages[number]
    if stage.name or stage.trainable_from:
        return stage.name or ("head alone" if stage.trainable_from == HEAD else f"from {stage.trainable_from}")
    return "all layers" if any(other.trainable_from for other in stages) else f"stage {number + 1}"
