"""Every arm of a comparison in a row: accuracy on images made on the base, and under attacks made on itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ironglass.report.comparison.seeds import natural, natural_p, robust_at
from ironglass.results.hardening import Comparison, Transferred, TransferredRow
from ironglass.results.numbers import McNemar, Rate, Verdict

BASE = "base"


@dataclass(frozen=True, kw_only=True)
class TransferredRates:
    """One arm at one eps and attack, both ways.

    name: of the arm.
    label: of the arm, for people.
    transferred: images made on the base, of the measured split.
    training: the same of training images; None where there are none.
    own: images made on the arm itself.
    """

    name: str
    label: str
    transferred: Rate
    training: Rate | None
    own: Rate


@dataclass(frozen=True, kw_only=True)
class ArmRow(TransferredRates):
    """One arm at the eps at which all were attacked.

    name: of the arm.
    label: of the arm, for people.
    transferred: images made on the base, of the measured split.
    training: the same of training images; None where there are none.
    own: images made on the arm itself.
    eps: the largest change, in units of [0, 1].
    attack: that made the images of `transferred` and `own`.
    clean: unchanged images.
    same: under `attack`, made on the arm itself, on the images of `worst`; None where the arms were not attacked by it.
    worst: each image's worst case of all attacks made on the arm itself.
    verdict: on the worst case; None where it was not judged.
    clean_test: of unchanged images, the base first.
    worst_test: of the worst case, the base first.
    seconds: of its training.
    alarms: epochs in which the guard went back.
    natural: unchanged images right; of several seeds the mean, else `clean`.
    natural_p: of its difference from the base.
    robust: the worst case; of several seeds the mean, else `worst`.
    seeds: trainings.
    """

    eps: float
    attack: str
    clean: Rate
    same: Rate | None
    worst: Rate
    verdict: Verdict | None
    clean_test: McNemar
    worst_test: McNemar
    seconds: float
    alarms: tuple[int, ...]
    natural: Rate
    natural_p: float
    robust: Rate
    seeds: int

    @property
    def gap(self) -> float:
        """By how much the accuracy on transferred images lies above the worst case of attacks on the arm itself."""
        return self.transferred.value - self.worst.value


@dataclass(frozen=True)
class OtherEps:
    """All arms at another eps or attack of the images that were shown to all."""

    eps: float
    attack: str
    arms: list[TransferredRates]


def common_eps(measured: Comparison, transferred: Transferred) -> float:
    """The largest eps at which images were made on the base and every arm was attacked; else the attacks' largest."""
    sizes = {row.eps for row in transferred.splits[transferred.measured].rows}
    return max(sizes & {*measured.eps}, default=max(measured.eps))


def arm_rows(measured: Comparison, transferred: Transferred) -> list[ArmRow]:
    """A row an arm at one eps, the base first; transferred images are those of the first attack that all were shown."""
    eps = common_eps(measured, transferred)
    test = _at(transferred.splits[transferred.measured].rows, eps)
    train = _at(transferred.splits["train"].rows, eps) if "train" in transferred.splits else None
    table: list[ArmRow] = []
    for arm in measured.arms:
        rows = [row for row in arm.rows if row.eps in (0.0, eps)]
        clean, worst = rows[0], next(row for row in rows if row.name == "worst")
        table.append(
            ArmRow(
                name=arm.name,
                label=arm.label,
                eps=eps,
                attack=test.attack,
                clean=clean.after,
                transferred=test.surrogates[BASE][arm.name],
                training=train.surrogates[BASE][arm.name] if train else None,
                own=test.surrogates[arm.name][arm.name],
                same=next((row.after for row in rows if row.name == test.attack and row.eps == eps), None),
                worst=worst.after,
                verdict=worst.verdicts.after if worst.verdicts else None,
                clean_test=clean.test,
                worst_test=worst.test,
                seconds=arm.seconds,
                alarms=arm.alarms,
                natural=natural(arm),
                natural_p=natural_p(arm),
                robust=robust_at(arm, eps),
                seeds=len(measured.seeds) or 1,
            )
        )
    return table


def rivals(measured: Comparison, row: ArmRow) -> list[str] | None:
    """Labels of the arms that may be as robust as one: those it does not differ from beyond chance, over all pairs.

    None where the arms were not tested in pairs, as by older versions.
    """
    pairs = [pair for pair in measured.pairs if pair.eps == row.eps and row.name in (pair.first, pair.second)]
    undecided = {pair.second if pair.first == row.name else pair.first for pair in pairs if not pair.stands}
    return [arm.label for arm in measured.arms if arm.name in undecided] if pairs else None


def other_eps_rows(measured: Comparison, transferred: Transferred) -> list[OtherEps]:
    """The other sizes of the images that were shown to all: an entry an eps, each with its arms."""
    eps = common_eps(measured, transferred)
    test = transferred.splits[transferred.measured].rows
    train = transferred.splits["train"].rows if "train" in transferred.splits else ()
    return [
        OtherEps(row.eps, row.attack, [
            TransferredRates(
                name=arm.name,
                label=arm.label,
                transferred=row.surrogates[BASE][arm.name],
                training=train[index].surrogates[BASE][arm.name] if train else None,
                own=row.surrogates[arm.name][arm.name],
            )
            for arm in measured.arms
        ])
        for index, row in enumerate(test)
        if row.eps != eps or row.attack != _at(test, eps).attack
    ]  # fmt: skip


def _at(rows: Sequence[TransferredRow], eps: float) -> TransferredRow:
    return next((row for row in rows if row.eps == eps), rows[-1])
