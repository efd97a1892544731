"""`comparison` and `transferred` of `results.json`: one network trained in several ways."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Corruptions, Named
from ironglass.results.hardening import PairedRow
from ironglass.results.numbers import Amount, Count, Norm, Rate
from ironglass.results.training import Stage


@result
class Arm:
    """One way to train.

    name: of its folder.
    label: for people.
    starts: epochs in which a stage after the first begins.
    alarms: epochs in which the guard went back.
    stages: of its training.
    seconds: of its training.
    epochs: of its training.
    best_epoch: whose weights are kept.
    rows: paired with the base's: before is the base, after the arm.
    corruptions: accuracy on corrupted images, or null.
    evaluation: on unchanged images, or null.
    """

    name: str
    label: str
    starts: tuple[Count, ...]
    alarms: tuple[Count, ...]
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    seconds: Amount
    epochs: Count
    best_epoch: Count
    rows: Annotated[tuple[PairedRow, ...], Field(min_length=2)]
    corruptions: Corruptions | None
    evaluation: Named | None


@result
class Comparison:
    """Every arm, attacked in the same way on the same images.

    norm: of eps.
    eps: the sizes, the smallest first.
    split: that was measured.
    arms: a row an arm, the base first.
    """

    norm: Norm
    eps: Annotated[tuple[Amount, ...], Field(min_length=1)]
    split: str
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]


@result
class TransferredRow:
    """Images made by one attack at one eps.

    attack: its name.
    eps: the largest change, in units of [0, 1].
    surrogates: by the arm they were made on: of each arm the images it still names right.
    """

    attack: str
    eps: Amount
    surrogates: dict[str, dict[str, Rate]]


@result
class TransferredSplit:
    """Images of one split.

    n: images.
    clean: of each arm the unchanged images it names right.
    rows: an attack and eps each.
    """

    n: Count
    clean: dict[str, Rate]
    rows: tuple[TransferredRow, ...]


@result
class Transferred:
    """Images made on one arm and shown to all.

    norm: of eps.
    measured: the split that was measured.
    splits: by name; on training images the base alone makes images.
    """

    norm: Norm
    measured: str
    splits: dict[str, TransferredSplit]
