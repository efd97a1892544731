"""`hardening` and `comparison` of `results.json`: several networks on the same images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.evaluation import Corruptions, Named
from ironglass.results.hardening.change import ClassChange, EpsCurve, Method
from ironglass.results.hardening.change import ClassPair as ClassPair
from ironglass.results.hardening.change import CurvePoint as CurvePoint
from ironglass.results.hardening.seeds import ArmSeeds, Seeds, SeedTest
from ironglass.results.hardening.seeds import SeedRow as SeedRow
from ironglass.results.hardening.seeds import SeedSpread as SeedSpread
from ironglass.results.hardening.transferred import Transferred as Transferred
from ironglass.results.hardening.transferred import TransferredRow as TransferredRow
from ironglass.results.hardening.transferred import TransferredSplit as TransferredSplit
from ironglass.results.numbers import Amount, Count, McNemar, Norm, Rate, Share, Verdict
from ironglass.results.training import Stage


@result
class Verdicts:
    """On both sides of a row.

    before: null where it was not judged.
    after: null where it was not judged.
    """

    before: Verdict | None
    after: Verdict | None


@result
class PairedRow:
    """One condition on both sides, paired image by image.

    name: "clean", an attack, or "worst".
    label: for people.
    eps: the largest change, in units of [0, 1]; 0 for unchanged images.
    before: images right before.
    after: images right after.
    test: McNemar's, before being first.
    verdicts: on both sides; absent for unchanged images.
    """

    name: str
    label: str
    eps: Amount
    before: Rate
    after: Rate
    test: McNemar
    verdicts: Verdicts | None = None


@result
class Seconds:
    """Of training.

    before: null where nothing was trained.
    after: null where nothing was trained.
    """

    before: Amount | None
    after: Amount | None


@result
class Evaluations:
    """On unchanged images.

    before: absent where it was not evaluated.
    after: absent where it was not evaluated.
    """

    before: Named | None = None
    after: Named | None = None


@result
class WatchedEpoch:
    """One epoch under the guard.

    epoch: from 1.
    pgd_accuracy: on held-out images, from 0 to 1.
    fgsm_accuracy: on held-out images, from 0 to 1.
    validation_accuracy: on unchanged images, from 0 to 1; null without validation images.
    """

    epoch: Count
    pgd_accuracy: Share
    fgsm_accuracy: Share
    validation_accuracy: Share | None


@result
class Hardening:
    """Before and after, attacked in the same way on the same images.

    norm: of eps.
    eps: the sizes, the smallest first.
    split: that was measured.
    stages: of the training after.
    seconds: of training.
    guard: "on", "off", or the attack by which an epoch was kept while the guard only looked on.
    evaluations: on unchanged images.
    alarms: epochs in which the guard went back.
    watched: epochs under the guard.
    rows: unchanged images first, the worst case of each image last.
    methods: a row a stage of the training after; absent in older files.
    stages_before: of the training before; absent where nothing was trained, and in older files.
    curve: accuracy over eps; absent where it was not measured.
    classes: a row a class; absent in older files.
    seeds: trainings by several seeds; absent for one.
    """

    norm: Norm
    eps: Annotated[tuple[Amount, ...], Field(min_length=1)]
    split: str
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    seconds: Seconds
    guard: str
    evaluations: Evaluations
    alarms: tuple[Count, ...]
    watched: tuple[WatchedEpoch, ...]
    rows: Annotated[tuple[PairedRow, ...], Field(min_length=2)]
    methods: tuple[Method, ...] = ()
    stages_before: tuple[Stage, ...] = ()
    curve: EpsCurve | None = None
    classes: tuple[ClassChange, ...] = ()
    seeds: Seeds | None = None


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
    seeds: unchanged images first, then a row an eps; absent for one seed.
    further: on unchanged images, of each seed after the first; absent for one seed, and in older files.
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
    seeds: tuple[ArmSeeds, ...] = ()
    further: tuple[Named, ...] = ()


@result
class ArmPair:
    """Two arms at one eps, paired image by image in the worst case of all attacks.

    first: name of an arm.
    second: name of another.
    eps: the largest change, in units of [0, 1].
    test: of the images that one of them alone withstands; of the first seed.
    stands: whether they differ beyond chance (5 %) when all pairs at this eps are read together, by Holm's procedure;
        of several seeds by the p of `seeds`.
    seeds: over all seeds; absent for one.
    """

    first: str
    second: str
    eps: Amount
    test: McNemar
    stands: bool
    seeds: SeedTest | None = None

    @property
    def first_ahead(self) -> bool:
        """True where the first has more images right, over all seeds, than the second."""
        return self.seeds.difference > 0 if self.seeds else self.test.only_first > self.test.only_second


@result
class Selection:
    """The arm that validation images under attack speak for, and what the measured images say of it.

    eps: at which validation images were attacked, the largest.
    best: name of the arm with most validation images right under every attack; of several seeds in the mean.
    rates: of each arm the validation images right under every attack; of several seeds the mean, with its interval over
        images.
    rivals: arms that validation images cannot tell from it, over all pairs by Holm's procedure.
    outcome: on the measured images "confirmed" where it is ahead of every other arm beyond chance, "contradicted" where
        one is ahead of it so; else "undecided".
    """

    eps: Amount
    best: str
    rates: dict[str, Rate]
    rivals: tuple[str, ...]
    outcome: Literal["confirmed", "undecided", "contradicted"]


@result
class Comparison:
    """Every arm, attacked in the same way on the same images.

    norm: of eps.
    eps: the sizes, the smallest first.
    split: that was measured.
    arms: a row an arm, the base first.
    pairs: every two arms at every eps; empty where older versions measured.
    selection: by validation images; absent where there are none, where these are measured, and in older files.
    seeds: by which every arm was trained; absent for one.
    """

    norm: Norm
    eps: Annotated[tuple[Amount, ...], Field(min_length=1)]
    split: str
    arms: Annotated[tuple[Arm, ...], Field(min_length=1)]
    pairs: tuple[ArmPair, ...] = ()
    selection: Selection | None = None
    seeds: tuple[Count, ...] = ()
