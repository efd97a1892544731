"""Which number is called which: transferred, own, worst; from numbers made by hand."""

from dataclasses import replace
from itertools import combinations

import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.comparison.chart import comparison, matrix
from ironglass.report.comparison.rows import arm_rows, other_eps_rows
from ironglass.report.comparison.section import ARMS
from ironglass.report.comparison.selection import selection_words
from ironglass.report.comparison.words import comparison_headlines
from ironglass.report.comparison.words import comparison_words as paragraphs
from ironglass.results.evaluation import Named, Naming
from ironglass.results.hardening import (
    Arm,
    ArmPair,
    Comparison,
    PairedRow,
    Selection,
    Transferred,
    TransferredRow,
    TransferredSplit,
    Verdicts,
)
from ironglass.results.numbers import McNemar, Rate, Verdict
from ironglass.results.sections import Results
from ironglass.results.training import Stage

EPS, LARGE = 4 / 255, 0.2
TRUSTED = Verdict(word="trusted", reasons=())
STAGE = Stage(epochs=1, peak_lr=0.1, schedule="constant", last_lr=None, optimiser="sgd", weight_decay=0.0, batch_size=8,
              objective="CrossEntropy", trainable_from=None, until=None, aux_weight=0.0, name="")  # fmt: skip


def rate(percent: float) -> Rate:
    return Rate(**wilson(round(10 * percent), 1000))


def arm(name: str, clean: float, worst: float, p: float = 0.001) -> Arm:
    test = McNemar(only_first=1, only_second=2, p=p)
    rows = tuple(
        PairedRow(name=kind, label=kind, eps=eps, before=rate(0), after=rate(value), test=test,
                  verdicts=None if kind == "clean" else Verdicts(before=TRUSTED, after=TRUSTED))
        for kind, eps, value in (("clean", 0.0, clean), ("fgsm", EPS, worst + 5), ("worst", EPS, worst))
    )  # fmt: skip
    return Arm(name=name, label=name.upper(), starts=(), alarms=(), stages=(STAGE,), seconds=1.0, epochs=1,
               best_epoch=1, rows=rows, corruptions=None, evaluation=None)  # fmt: skip


def measured(*arms: Arm, alike: tuple[tuple[str, str], ...] = ()) -> Comparison:
    test = McNemar(only_first=1, only_second=2, p=0.001)
    pairs = tuple(
        ArmPair(first=one.name, second=other.name, eps=EPS, test=test, stands=(one.name, other.name) not in alike)
        for one, other in combinations(arms, 2)
    )
    return Comparison(norm="linf", eps=(EPS,), split="test", arms=arms, pairs=pairs)


def comparison_words(measured: Comparison, transferred: Transferred) -> str:
    return " ".join(paragraphs(measured, transferred))


MEASURED = measured(arm("base", 60, 1), arm("masked", 58, 4))
HARD = measured(*MEASURED.arms, arm("hard", 50, 30))


def shown(*names: str) -> Transferred:
    """Images of the base leave 10, 50, 45 % of the arms right; at the larger eps a tenth of that; own images 8 %."""
    from_base = dict(zip(names, (10.0, 50.0, 45.0), strict=False))

    def made_on(maker: str, by: float) -> dict[str, Rate]:
        return {
            name: rate(value * by if maker == "base" else 8.0 if maker == name else 40.0)
            for name, value in from_base.items()
        }

    rows = tuple(
        TransferredRow(attack="fgsm", eps=eps, surrogates={maker: made_on(maker, by) for maker in names})
        for eps, by in ((EPS, 1.0), (LARGE, 0.1))
    )
    train = tuple(replace(row, surrogates={"base": {name: rate(90) for name in names}}) for row in rows)
    clean = {name: rate(60) for name in names}
    splits = {
        "test": TransferredSplit(n=1000, clean=clean, rows=rows),
        "train": TransferredSplit(n=1000, clean=clean, rows=train),
    }
    return Transferred(norm="linf", measured="test", splits=splits)


def test_each_number_stands_under_its_name() -> None:
    base, masked = arm_rows(MEASURED, shown("base", "masked"))
    assert masked.training is not None
    rates = (masked.clean, masked.transferred, masked.training, masked.own, masked.worst)
    assert [rate.value for rate in rates] == [0.58, 0.5, 0.9, 0.08, 0.04]
    assert base.transferred == base.own  # its own images are an attack on itself
    assert (masked.eps, masked.attack) == (EPS, "fgsm")


def test_other_sizes_are_told_apart() -> None:
    [other] = other_eps_rows(MEASURED, shown("base", "masked"))
    assert other.eps == LARGE
    assert [one.transferred.value for one in other.arms] == [0.01, 0.05]


def test_the_first_screen_has_what_seems_and_what_is() -> None:
    cards = comparison_headlines(HARD, shown("base", "masked", "hard"))
    assert [(one.label, one.rate.value, one.verdict) for one in cards] == [
        ("Transferred: MASKED", 0.5, None),
        ("White-box: MASKED", 0.04, TRUSTED),
        ("Most robust: HARD", 0.3, TRUSTED),
        ("The base", 0.01, TRUSTED),
    ]
    assert ARMS.headlines(Results(comparison=HARD)) == []  # until images were shown to all


def test_an_arm_that_names_one_class_is_called_so() -> None:
    naming = Naming(named="dog", named_share=1.0, named_true_share=0.5, commonest="cat", commonest_share=0.5)
    constant = replace(HARD.arms[1], evaluation=Named(accuracy=rate(50), naming=naming))
    [line] = ARMS.cautions(Results(comparison=measured(HARD.arms[0], constant)))
    assert line.startswith("The network 'MASKED' names one class, “dog”")


def selected(best: str, outcome: str, *, rivals: tuple[str, ...] = (), **validation: float) -> Selection:
    rates = {name: rate(value) for name, value in validation.items()}
    return Selection(eps=EPS, best=best, rates=rates, rivals=rivals, outcome=outcome)  # type: ignore[arg-type]


def test_the_winner_is_chosen_on_validation_images_and_confirmed_on_others() -> None:
    chosen = replace(HARD, selection=selected("hard", "confirmed", base=2, masked=5, hard=33))
    text = comparison_words(chosen, shown("base", "masked", "hard"))
    for part in (
        "Chosen by 1,000 validation images, attacked in the same way at eps 4/255: “HARD”, which keeps 33.0\u202f%",
        "more than any other beyond chance",
        "Of 1,000 test images, which had no say, it keeps 30.0\u202f%",
        "ahead of every other arm beyond chance, over all 3 pairs of arms (McNemar’s test, Holm), so that both agree.",
        "Against the base it keeps 29.0 points more under attack, for 10.0 points fewer on unchanged images.",
    ):
        assert part in text, part
    assert comparison_headlines(chosen, shown("base", "masked", "hard"))[2].label == "Most robust: HARD"


def pair(first: str, second: str, only_first: int, only_second: int, stands: bool) -> ArmPair:
    test = McNemar(only_first=only_first, only_second=only_second, p=0.001 if stands else 0.4)
    return ArmPair(first=first, second=second, eps=EPS, test=test, stands=stands)


def test_validation_and_test_images_that_disagree_are_said_to() -> None:
    of_base = pair("base", "masked", 1, 30, True), pair("base", "hard", 1, 300, True)
    pairs = (*of_base, pair("masked", "hard", 5, 9, False))
    base = replace(HARD, pairs=pairs)
    chance = replace(base, selection=selected("masked", "undecided", rivals=("hard",), base=2, masked=34, hard=33))
    text = selection_words(chance)
    assert "“HARD” may be as good). Of 1,000 test" in text
    assert "“HARD” may be as good, over all 3 pairs" in text
    assert "The two disagree, though by no more than chance explains: “HARD” 30.0\u202f%." in text
    sure = replace(base, pairs=(*of_base, pair("masked", "hard", 5, 90, True)),
                   selection=selected("masked", "contradicted", base=2, masked=34, hard=33))  # fmt: skip
    assert selection_words(sure).endswith(
        "“HARD” is ahead of it beyond chance, over all 3 pairs of arms (McNemar’s test, Holm). The two disagree."
    )
    same = replace(base, selection=selected("hard", "undecided", base=2, masked=30, hard=33))
    assert "the highest there, too, but “MASKED” may be as good" in selection_words(same)
    assert comparison_headlines(same, shown("base", "masked", "hard"))[2].label == "Chosen by validation: HARD"


def test_the_sentences_follow_the_numbers() -> None:
    text = comparison_words(HARD, shown("base", "masked", "hard"))
    for part in (
        "“MASKED” names 50.0\u202f% right (1000 images)",
        "of 1000 training images 90.0\u202f%",
        "keeps 9.0\u202f% under the same FGSM",
        "4.0\u202f% under every attack (1000 images)",
        "It is ahead of every other arm beyond chance, over all 3 pairs",
        "“HARD”: 29.0 points more than the base,",
        "10.0 points fewer",
    ):
        assert part in text, part
    assert "may be chance" not in text
    assert "may be as good" not in text


def test_what_may_be_chance_is_called_so() -> None:
    chance = measured(arm("base", 60, 1), arm("masked", 58, 4, p=0.3), alike=(("base", "masked"),))
    assert comparison_words(chance, shown("base", "masked")).count("which may be chance") == 2


def test_arms_that_may_be_as_good_are_named() -> None:
    close = replace(HARD, pairs=measured(*HARD.arms, alike=(("masked", "hard"),)).pairs)
    images = shown("base", "masked", "hard")
    assert "“MASKED” may be as good, over all 3 pairs of arms" in comparison_words(close, images)
    assert [one.label for one in comparison_headlines(close, images)][2] == "Highest: HARD"


def test_arms_of_older_runs_have_no_winner() -> None:
    older = replace(HARD, pairs=())
    assert "were not tested against each other" in comparison_words(older, shown("base", "masked", "hard"))


def test_figures_of_other_images_stand_apart() -> None:
    one, other = MEASURED.arms
    rows = tuple(row for row in other.rows if row.name != "fgsm")
    few = shown("base", "masked")
    text = comparison_words(measured(one, replace(other, rows=rows)), few)
    assert "keeps 4.0\u202f% under every attack (1000 images); 8.0\u202f% of those 1000 images under FGSM" in text


def test_no_arm_better_than_the_base_is_said() -> None:
    worse = measured(arm("base", 60, 9), arm("masked", 58, 4))
    assert comparison_words(worse, shown("base", "masked")).endswith("No arm is more robust than the base.")
    assert comparison_headlines(worse, shown("base", "masked"))[-1].label == "Most robust: BASE"


@pytest.mark.parametrize("narrow", [False, True])
def test_the_charts_hold_every_arm_and_maker(narrow: bool) -> None:
    given = HARD, shown("base", "masked", "hard")
    [axes] = comparison(*given, narrow=narrow).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["BASE", "MASKED", "HARD"]
    panels = [axes for axes in matrix(*given, narrow=narrow).axes if axes.get_visible()]
    assert len(panels) == 2
    assert [text.get_text() for text in panels[0].texts] == ["10", "50", "45", "40", "8", "40", "40", "40", "8"]


def test_the_same_stages_are_said_only_where_they_are() -> None:
    other = replace(HARD.arms[2], stages=(replace(STAGE, epochs=9, objective="NFGSM"),))
    alike = replace(HARD.arms[2], stages=(replace(STAGE, objective="NFGSM"),))
    for arms, same in (((*HARD.arms[:2], alike), True), ((*HARD.arms[:2], other), False)):
        source = _Source(Results(comparison=measured(*arms), transferred=shown("base", "masked", "hard")))
        assert ARMS.facts(source)["same_stages"] == same  # type: ignore[arg-type]


class _Source:
    """The part of a source that the facts read."""

    def __init__(self, results: Results) -> None:
        self.results = results
