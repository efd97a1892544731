"""Sentences on arms by several seeds: numbers made by hand, whose first seed orders the arms otherwise."""

from dataclasses import replace

from ironglass.measure.statistics import mean_interval, wilson
from ironglass.report.comparison.rows import ArmRow, arm_rows
from ironglass.report.comparison.words import comparison_headlines, robust_words
from ironglass.results.hardening import (
    Arm,
    ArmPair,
    ArmSeeds,
    Comparison,
    PairedRow,
    SeedSpread,
    SeedTest,
    Transferred,
    TransferredRow,
    TransferredSplit,
)
from ironglass.results.numbers import McNemar, Mean, Rate
from ironglass.results.training import Stage

EPS = 4 / 255
STAGE = Stage(epochs=1, peak_lr=0.1, schedule="constant", last_lr=None, optimiser="sgd", weight_decay=0.0, batch_size=8,
              objective="CrossEntropy", trainable_from=None, until=None, aux_weight=0.0, name="")  # fmt: skip
NONE = McNemar(only_first=1, only_second=2, p=0.9)


def rate(percent: float) -> Rate:
    return Rate(**wilson(round(10 * percent), 1000))


def over(eps: float, *seeds: float, p: float | None) -> ArmSeeds:
    mean = Mean(**mean_interval([seed / 100 for seed in seeds]))  # type: ignore[arg-type]
    spread = SeedSpread(mean=mean, lowest=min(seeds) / 100, highest=max(seeds) / 100)
    test = None if p is None else SeedTest(difference=0.0, p_images=p, p_seeds=p, p=p)
    images = rate(sum(seeds) / len(seeds))
    return ArmSeeds(eps=eps, rates=tuple(map(rate, seeds)), images=images, seeds=spread, test=test)


def arm(name: str, clean: tuple[float, ...], worst: tuple[float, ...], p: float | None = None) -> Arm:
    rows = tuple(
        PairedRow(name=kind, label=kind, eps=eps, before=rate(0), after=rate(value), test=NONE)
        for kind, eps, value in (("clean", 0.0, clean[0]), ("fgsm", EPS, worst[0]), ("worst", EPS, worst[0]))
    )
    seeds = over(0.0, *clean, p=p), over(EPS, *worst, p=p)
    return Arm(name=name, label=name.upper(), starts=(), alarms=(), stages=(STAGE,), seconds=1.0, epochs=1,
               best_epoch=1, rows=rows, corruptions=None, evaluation=None, seeds=seeds)  # fmt: skip


def pair(first: str, second: str, difference: float, p: float) -> ArmPair:
    test = SeedTest(difference=difference, p_images=p, p_seeds=p, p=p)
    return ArmPair(first=first, second=second, eps=EPS, test=NONE, stands=p < 0.01, seeds=test)


ARMS = (arm("base", (80, 80), (20, 20)), arm("lucky", (70, 70), (60, 20), 0.3), arm("hard", (60, 70), (50, 54), 0.001))
PAIRS = pair("base", "lucky", -0.2, 0.4), pair("base", "hard", -0.32, 0.001), pair("lucky", "hard", -0.12, 0.001)
MEASURED = Comparison(norm="linf", eps=(EPS,), split="test", arms=ARMS, pairs=PAIRS, seeds=(0, 1))
NAMES = [one.name for one in ARMS]
SHOWN = (
    TransferredRow(
        attack="fgsm",
        eps=EPS,
        surrogates={by: {name: rate(90 if name == "lucky" else 50) for name in NAMES} for by in NAMES},
    ),
)
TRANSFERRED = Transferred(norm="linf", measured="test", splits={
    "test": TransferredSplit(n=1000, clean={name: rate(60) for name in NAMES}, rows=SHOWN)
})  # fmt: skip


def rows() -> dict[str, ArmRow]:
    return {row.name: row for row in arm_rows(MEASURED, TRANSFERRED)}


def test_the_highest_is_that_of_the_means() -> None:
    assert (rows()["lucky"].worst.value, rows()["lucky"].robust.value) == (0.6, 0.4)
    assert robust_words(MEASURED, TRANSFERRED) == (
        "The highest accuracy under attack, 52.0\u202f% of 1000 images, has “HARD”: "
        "32.0 points more than the base, for 15.0 points fewer on unchanged images. "
        "It is ahead of every other arm beyond chance, over all 3 pairs of arms "
        "(Student’s t over images and Welch’s over seeds, Holm)."
    )
    [card] = [one for one in comparison_headlines(MEASURED, TRANSFERRED) if one.label == "Most robust: HARD"]
    assert card.rate.value == 0.52
    assert card.detail.endswith("means of 2 seeds")


def test_what_may_be_chance_over_seeds_is_called_so() -> None:
    doubted = replace(MEASURED, pairs=(PAIRS[0], pair("base", "hard", -0.32, 0.2), PAIRS[2]))
    text = robust_words(doubted, TRANSFERRED)
    assert "32.0 points more than the base, which may be chance" in text
    assert "“BASE” may be as good" in text
    assert PAIRS[2].first_ahead is False
