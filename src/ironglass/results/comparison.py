"""`comparison`, `transferred` and `runs_compared` of `results.json`: several networks on the same images."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Corruptions, Named, Naming
from ironglass.results.hardening import PairedRow
from ironglass.results.numbers import Amount, Count, McNemar, Mean, Norm, Rate, Share, Verdict
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


@result
class RunCompared:
    """One of the runs that are compared.

    name: of its folder, or its path where two folders have one name.
    folder: its path as it was given.
    model: the network's name.
    accuracy: on unchanged images.
    naming: the class that is predicted most often.
    parameters: of the network; null where not recorded.
    multiply_adds: of one image; null where not counted.
    training_seconds: null where the run trained nothing.
    training_images_per_second: median over the epochs; null where not recorded.
    images_per_second: in inference; null where not recorded.
    """

    name: str
    folder: str
    model: str
    accuracy: Rate
    naming: Naming
    parameters: Count | None
    multiply_adds: Amount | None
    training_seconds: Amount | None
    training_images_per_second: Amount | None
    images_per_second: Amount | None


@result
class RunPair:
    """Two runs under one condition, image by image.

    first: name of the one run.
    second: name of the other.
    difference: accuracy of the second less that of the first, with the paired 95 % interval of Agresti and Min.
    test: McNemar's exact test.
    stands: whether the difference stands when all pairs of all conditions are read together (Holm).
    """

    first: str
    second: str
    difference: Mean
    test: McNemar
    stands: bool


@result
class ConditionCompared:
    """One condition, on the same images for every run that was measured under it.

    name: "clean", the attack's name, or "worst" for every common attack.
    label: for people.
    norm: of eps; null of unchanged images.
    eps: in units of [0, 1]; 0 of unchanged images.
    n: images.
    rates: accuracy by run.
    verdicts: on the accuracy under attack, by run; null where it was not judged.
    pairs: the baseline and each other run, or all pairs where there is no baseline.
    """

    name: str
    label: str
    norm: Norm | None
    eps: Amount
    n: Count
    rates: dict[str, Rate]
    verdicts: dict[str, Verdict | None]
    pairs: tuple[RunPair, ...]


@result
class ClassCompared:
    """One class.

    class: its name.
    rates: share of its unchanged images that are classified correctly, by run.
    """

    class_: str
    rates: dict[str, Rate]


@result
class ImagesChanged:
    """The unchanged images that one run of a pair has right and the other has not; at most 1,000 names each.

    first: name of the one run.
    second: name of the other.
    gained: images that the second alone has right.
    lost: images that the first alone has right.
    """

    first: str
    second: str
    gained: tuple[str, ...]
    lost: tuple[str, ...]


@result
class Threshold:
    """A condition on which a comparison fails, checked on one run.

    text: as it was given.
    run: name of the run.
    measured: the value of each name in the text.
    missed: whether the condition holds, so that the run has failed.
    date: of the check, in UTC, as "2026-01-31T12:00:00+00:00".
    """

    text: str
    run: str
    measured: dict[str, float]
    missed: bool
    date: str


@result
class RunsCompared:
    """Existing runs, compared image by image.

    runs: a row a run, the baseline first.
    baseline: name of the run that the others are compared with; null for all pairs.
    split: that was measured.
    level: of Holm's test.
    tests: how many tests Holm reads together.
    conditions: unchanged images first.
    classes: a row a class.
    images: a row a pair.
    thresholds: a row a condition and run.
    remarks: what was not compared, and why, a sentence each.
    """

    runs: Annotated[tuple[RunCompared, ...], Field(min_length=1)]
    baseline: str | None
    split: str
    level: Share
    tests: Count
    conditions: Annotated[tuple[ConditionCompared, ...], Field(min_length=1)]
    classes: tuple[ClassCompared, ...]
    images: tuple[ImagesChanged, ...]
    thresholds: tuple[Threshold, ...]
    remarks: tuple[str, ...]
