"""`model` and `training` of `results.json`: the network, and how it was trained."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.numbers import Amount, Count


@result
class Normalisation:
    """Normalisation of images in [0, 1].

    mean: a number a channel, in units of [0, 1].
    std: a number a channel, in units of [0, 1].
    origin: "given", "model's configuration" or "assumed".
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str


@result
class Model:
    """The network.

    name: as it was asked for, or its class's name.
    parameters: numbers in all its parameters.
    trainable: those of them that training may change.
    multiply_adds: of one image; null where torch cannot count them.
    input_size: height and width in pixels.
    channels: of an image, 1 or 3.
    normalisation: what images are normalised by.
    remarks: what was chosen or assumed of the network, a sentence each.
    """

    name: str
    parameters: Count
    trainable: Count
    multiply_adds: Annotated[float, Field(ge=0)] | None
    input_size: tuple[Count, Count]
    channels: Count
    normalisation: Normalisation
    remarks: tuple[str, ...]


@result
class Until:
    """End of a stage before its epochs are over: a training loss that falls no more.

    patience: epochs without a fall.
    least: share of the loss by which it has to fall, from 0 to 1.
    """

    patience: Count
    least: float


@result
class Stage:
    """Epochs with one optimiser, one schedule and one objective.

    epochs: how many at most.
    peak_lr: the highest learning rate.
    schedule: "one-cycle", "step", "plateau", "constant" or "exponential".
    last_lr: the learning rate at the end of "exponential"; null for a tenth of the peak.
    optimiser: "sgd", "adamw" or "adam".
    weight_decay: at least 0.
    batch_size: images a step.
    objective: `kind` and the objective's own settings, or the name of a function.
    trainable_from: the first layer that learns; null for all.
    until: what ends the stage before its epochs are over; null for nothing.
    aux_weight: weight of the cross-entropy of auxiliary outputs.
    name: of the stage, "" for none.
    eps_ramp: epochs over which the objective's eps grows from 0; absent for none.
    """

    epochs: Count
    peak_lr: float
    schedule: str
    last_lr: float | None
    optimiser: str
    weight_decay: float
    batch_size: Count
    objective: str | dict[str, Any]
    trainable_from: str | None
    until: Until | None
    aux_weight: float
    name: str
    eps_ramp: float = 0.0


@result
class Rollback:
    """A return to an earlier epoch, since the loss was no finite number.

    epoch: in which it happened, from 1.
    step: of the epoch.
    back_to: the epoch whose end was returned to; 0 for the start.
    factor: on the learning rate from then on.
    """

    epoch: Count
    step: Count
    back_to: Count
    factor: float


@result
class Alarm:
    """A return to an earlier epoch, since the watch saw catastrophic overfitting.

    epoch: in which it happened, from 1.
    back_to: the epoch whose weights were returned to.
    factor: on the learning rate from then on.
    """

    epoch: Count
    back_to: Count
    factor: float


@result
class Training:
    """One training.

    seconds: over all sittings.
    epochs: those of the history.
    best_epoch: whose weights are kept, from 1.
    stages: as in the recipe.
    skipped: steps that were left out, their loss no finite number; those of undone epochs too.
    rollbacks: returns to an earlier epoch.
    micro_batch: images passed at once, where memory ran out, or null.
    watch: settings of the watch; absent without one.
    alarms: of the watch; absent without one.
    clean_best_epoch: the epoch of highest validation accuracy; absent without a watch.
    """

    seconds: Amount
    epochs: Count
    best_epoch: Count
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    skipped: Count
    rollbacks: tuple[Rollback, ...]
    micro_batch: Count | None
    watch: str | dict[str, Any] | None = None
    alarms: tuple[Alarm, ...] | None = None
    clean_best_epoch: Count | None = None
