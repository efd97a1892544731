"""`runs_compared` of `results.json`: existing runs, compared image by image."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Calibration, Naming
from ironglass.results.numbers import Amount, Count, McNemar, Mean, Norm, Rate, Share, Verdict


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
    calibration: of its confidences; absent where an image was not judged.
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
    calibration: Calibration | None = None


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
class CalibrationPair:
    """Calibration of two runs on the same unchanged images: the second less the first.

    first: name of the one run.
    second: name of the other.
    ece: difference of the expected calibration errors, without what chance adds; below 0 the second is better. Its
        paired interval is wider, and holds more often, where the interval of one of the two errors reaches 0.
    brier: difference of the Brier scores; null where one is not recorded.
    """

    first: str
    second: str
    ece: Mean
    brier: Mean | None


@result
class MapsPair:
    """Explanation maps of two runs for the same class of the same unchanged images.

    first: name of the one run.
    second: name of the other.
    method: its name.
    label: for people.
    explained: images that both runs explained.
    rank_correlation: Spearman's, of the signed maps; over the images of which both explained the same class.
    top_overlap: of the tenth of the pixels that each map has most of, the share that both have.
    """

    first: str
    second: str
    method: str
    label: str
    explained: Count
    rank_correlation: Mean
    top_overlap: Mean


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
    calibration: a row a pair; absent where it was not recorded.
    maps: a row a pair and method; absent where no two runs explained the same images.
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
    calibration: tuple[CalibrationPair, ...] = ()
    maps: tuple[MapsPair, ...] = ()
