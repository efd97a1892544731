"""`trial` and `measured` of `results.json`, of one run in a sweep or a transfer study; rows of a sweep's trials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeAlias, cast

from pydantic import Discriminator, Field, Tag

from ironglass.results.attack import WorstPoint
from ironglass.results.codec import result
from ironglass.results.evaluation import Naming
from ironglass.results.numbers import Amount, Count, Rate, Verdict


def _outcome(value: Any) -> str:
    """Which of the classes of trials, and of rows, a value is of; no key is called so."""
    keys: Iterable[str] = ()
    if isinstance(value, dict):
        keys = cast("dict[str, Any]", value)
    elif hasattr(value, "__dict__"):
        keys = cast("dict[str, Any]", vars(value))
    return next((f"{key} trial" for key in ("diverged", "failed") if key in keys), "measured trial")


@result
class Trial:
    """Numbers by which trials are compared, in a trial's own folder.

    validation: of the kept weights.
    validation_loss: mean cross-entropy.
    training: of the kept weights, on as many training images.
    images_per_second: in inference.
    robust_validation: validation images right under every attack at the largest eps; where a trial hardens.
    """

    validation: Rate
    validation_loss: float
    training: Rate
    images_per_second: Amount
    robust_validation: Rate | None = None


@result
class DivergedTrial:
    """A trial whose loss was no finite number to the end.

    diverged: the line that says so.
    """

    diverged: str


TrialOutcome: TypeAlias = Annotated[
    Annotated[Trial, Tag("measured trial")] | Annotated[DivergedTrial, Tag("diverged trial")], Discriminator(_outcome)
]


@result
class MeasuredRow:
    """One trial that was trained and measured.

    name: of the trial.
    folder: of its run, within the sweep's.
    values: in the order of the axes.
    parameters: of its network.
    multiply_adds: of one image, or null.
    validation: accuracy on validation images.
    validation_loss: mean cross-entropy.
    training: accuracy on training images.
    gap: training less validation accuracy.
    measured: accuracy on the images that had no say.
    epochs: of its training.
    best_epoch: whose weights are kept.
    seconds: of its training.
    training_images_per_second: null where it took no time.
    inference_images_per_second: reading the images included.
    skipped: steps without a finite loss.
    rollbacks: returns to an earlier epoch.
    robust_validation: validation images right under every attack at the largest eps; where a trial hardens.
    naming: the class that is predicted most often.
    robust: the worst case at the largest eps; where there are attacks.
    """

    name: str
    folder: str
    values: tuple[Any, ...]
    parameters: Count
    multiply_adds: Annotated[float, Field(ge=0)] | None
    validation: Rate
    validation_loss: float
    training: Rate
    gap: float
    measured: Rate
    epochs: Count
    best_epoch: Count
    seconds: Amount
    training_images_per_second: Amount | None
    inference_images_per_second: Amount
    skipped: Count
    rollbacks: Count
    robust_validation: Rate | None = None
    naming: Naming
    robust: WorstPoint | None = None


@result
class DivergedRow:
    """One trial whose loss was no finite number to the end.

    name: of the trial.
    folder: of its run, within the sweep's.
    values: in the order of the axes.
    parameters: of its network.
    multiply_adds: of one image, or null.
    diverged: the line that says so.
    """

    name: str
    folder: str
    values: tuple[Any, ...]
    parameters: Count
    multiply_adds: Annotated[float, Field(ge=0)] | None
    diverged: str


@result
class FailedRow:
    """One trial without a run.

    name: of the trial.
    folder: of its run, within the sweep's.
    values: in the order of the axes.
    failed: the line that says why.
    """

    name: str
    folder: str
    values: tuple[Any, ...]
    failed: str


TrialRow: TypeAlias = Annotated[
    Annotated[MeasuredRow, Tag("measured trial")]
    | Annotated[DivergedRow, Tag("diverged trial")]
    | Annotated[FailedRow, Tag("failed trial")],
    Discriminator(_outcome),
]


@result
class MeasuredRate:
    """One condition.

    condition: "clean", "shown-ATTACK", "shown-ATTACK-png" or "own-ATTACK".
    eps: the largest change, in units of [0, 1].
    accuracy: images classified correctly.
    """

    condition: str
    eps: Amount
    accuracy: Rate


@result
class MeasuredVerdict:
    """On one attack made on the network itself.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    verdict: null where it was not judged.
    """

    attack: str
    eps: Amount
    verdict: Verdict | None


@result
class Measured:
    """One network, in its own folder.

    rates: a row a condition.
    verdicts: a row an attack on itself.
    naming: the class that is predicted most often of the unchanged images; absent in older files.
    """

    rates: tuple[MeasuredRate, ...]
    verdicts: tuple[MeasuredVerdict, ...]
    naming: Naming | None = None
