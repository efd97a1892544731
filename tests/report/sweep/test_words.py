"""What a sweep comes to in words: which trial, how sure, and where else to look."""

from dataclasses import replace

from ironglass.measure.statistics import wilson
from ironglass.report.about.unmeasured import unmeasured
from ironglass.report.sweep.section import SECTION
from ironglass.report.sweep.words import (
    alike_words,
    range_limit_note,
    sweep_words,
    trial_values,
    trial_words,
    value_words,
)
from ironglass.results.attack import WorstPoint
from ironglass.results.evaluation import Naming
from ironglass.results.numbers import Mean, Rate
from ironglass.results.sections import Results
from ironglass.results.sweep import Axis, PairTest, Recommended, Setting, Spread, Sweep, SweptAttacks
from ironglass.results.trial import DivergedRow, MeasuredRow, TrialRow

NAMING = Naming(named="a", named_share=0.5, named_true_share=0.5, commonest="a", commonest_share=0.5)


def trial(name: str, value: float, right: int | None) -> TrialRow:
    """Right on so many of 100 validation images; of None one that diverged."""
    known = {"name": name, "folder": f"trials/{name}", "values": (value,), "parameters": 1, "multiply_adds": None}
    if right is None:
        return DivergedRow(**known, diverged="no number")
    rate = Rate(**wilson(right, 100))
    return MeasuredRow(
        **known, validation=rate, validation_loss=1.0, training=rate, gap=0.0, measured=Rate(**wilson(50, 200)),
        epochs=1, best_epoch=1, seconds=1.0, training_images_per_second=None, inference_images_per_second=1.0,
        skipped=0, rollbacks=0, naming=NAMING,
    )  # fmt: skip


def swept(*rights: int | None, alike: tuple[str, ...] = (), field: str = "stages.0.peak_lr") -> Sweep:
    """A sweep over 0.1, 0.01, ...; of None a trial that diverged."""
    values = [0.1**power for power in range(1, len(rights) + 1)]
    rows = tuple(
        trial(f"t{place}", value, right) for place, (value, right) in enumerate(zip(values, rights, strict=True))
    )
    there = [row for row in rows if isinstance(row, MeasuredRow)]
    found = None
    if there:
        best = max(there, key=lambda row: row.validation.value)
        test = PairTest(only_first=9, only_second=1, p=0.02)
        tests = {row.name: test for row in there if row is not best}
        found = Recommended(trial=best.name, level=0.05, criterion="validation", alike=alike, tests=tests)
    label = "seed" if field == "seed" else "learning rate"
    axes = (Axis(field=field, label=label, values=tuple(values)),)
    return Sweep(axes=axes, split="test", jobs=1, attacks=None, rows=rows, settings=(), recommended=found)


def test_the_recommendation_comes_with_its_interval_and_its_rivals() -> None:
    said = sweep_words(swept(60, 90, 88, 10, alike=("t2",)))
    assert said.startswith(
        "4 trials varied learning rate. Take learning rate 0.01: it names 90.0\u202f% of 100 validation"
    )
    assert "82.6–94.5" in said  # Wilson's interval of 90 in 100
    assert "cannot tell it from 0.001, which may be just as good" in said
    assert "on 200 test images, which had no say, it is 25.0\u202f%" in said


def test_how_many_may_be_as_good() -> None:
    assert alike_words(swept(90)) == "There is no other trial to compare it with."
    assert "All 2 others are worse" in alike_words(swept(60, 90, 50))
    many = swept(90, 89, 89, 89, 89, 89, alike=("t1", "t2", "t3", "t4", "t5"))
    assert "from 5 of the 5 others" in alike_words(many)


def test_a_best_at_the_edge_says_that_it_may_lie_beyond() -> None:
    lowest = " 0.001 is the lowest learning rate that was tried: a lower one may be better."
    assert range_limit_note(swept(60, 80, 90)) == lowest
    assert "a higher one" in range_limit_note(swept(90, 60, 50))
    assert range_limit_note(swept(60, 90, 50)) == ""
    assert range_limit_note(swept(90, 89, 50, alike=("t1",))) == ""  # one inside may be as good
    assert range_limit_note(swept(90, 50)) == ""  # two values have no inside


def test_those_without_a_number_are_counted() -> None:
    assert sweep_words(swept(60, 90, None)).endswith("One trial diverged.")
    assert sweep_words(swept(None, None)) == "None of 2 trials came to a number: see why below."
    assert SECTION.headlines(Results(sweep=swept(None, None))) == []


def test_seeds_are_no_setting_to_choose() -> None:
    one = swept(60, 90, 88, field="seed")
    assert one.recommended is not None
    spread = Spread(mean=Mean(value=0.79, low=0.7, high=0.9, n=3), lowest=0.6, highest=0.9)
    one = replace(
        one,
        settings=(Setting(trials=("t0", "t1", "t2"), validation=spread),),
        recommended=replace(one.recommended, tests={}, same=("t0", "t2")),
    )
    said = sweep_words(one)
    assert "worse" not in said
    assert "one setting, trained anew by other draws, and there is nothing to choose between" in said
    assert "79.0\u202f% on average, from 60.0\u202f% to 90.0\u202f%: so much is the draw alone" in said
    assert "lowest" not in said  # a lower seed is no better


def test_what_a_hardened_trial_is_chosen_by_is_said() -> None:
    plain = swept(95, 70, 60)
    assert plain.recommended is not None
    rows = tuple(
        replace(row, robust_validation=Rate(**wilson(robust, 100)))
        for row, robust in zip(plain.rows, (5, 60, 40), strict=True)
    )
    hard = replace(
        plain,
        rows=rows,
        attacks=SweptAttacks(names=("pgd-10",), norm="linf", eps=8 / 255),
        recommended=replace(plain.recommended, trial="t1", criterion="robust_validation"),
    )
    said = sweep_words(hard)
    assert "keeps 60.0\u202f% of 100 validation images right under attack at eps 8/255" in said
    assert "unchanged, 70.0\u202f%" in said
    assert SECTION.headlines(Results(sweep=hard))[0].rate == Rate(**wilson(60, 100))


def test_the_number_under_attack_comes_with_its_images() -> None:
    plain = swept(90)
    point = WorstPoint(eps=8 / 255, accuracy=Rate(**wilson(7, 10)), verdict=None)
    (row,) = plain.rows
    said = sweep_words(replace(plain, rows=(replace(row, robust=point),)))
    assert "Under attack 70.0\u202f% of 10 images stay right" in said


def test_values_and_trials_by_name() -> None:
    assert [value_words(value) for value in (1e-4, 3, "timm/resnet18", {"kind": "NFGSM", "eps": 0.1}, [])] == [
        "0.0001", "3", "timm/resnet18", "NFGSM, eps 0.1", "none"]  # fmt: skip
    axes = (Axis(field="a", label="learning rate (head)", values=()), Axis(field="b", label="batch size", values=()))
    row = replace(trial("t0", 0.1, 90), values=(0.1, 32))
    assert trial_words(row, replace(swept(90), axes=axes)) == "learning rate (head) 0.1 and batch size 32"
    assert trial_values(row, replace(swept(90), axes=axes)) == "0.1 · 32"


def test_the_first_screen_shows_what_chose_and_what_did_not() -> None:
    found = SECTION.headlines(Results(sweep=swept(60, 90, 88)))
    assert [(one.label, one.rate.n) for one in found if one.first] == [
        ("Recommended: 0.01", 100), ("The same on test images", 200)]  # fmt: skip
    assert [one.label for one in found if not one.first] == [
        f"learning rate {value}" for value in ("0.1", "0.01", "0.001")
    ]
    seeds = replace(swept(60, 90, 88), axes=(Axis(field="seed", label="seed", values=()),))
    assert SECTION.headlines(Results(sweep=seeds))[0].label == "Highest of the seeds: 0.01"
    assert unmeasured(Results(sweep=swept(60, 90)))[0].startswith("attacks stronger than one step")


def test_a_trial_that_names_one_class_is_called_so_though_another_is_recommended() -> None:
    measured = swept(60, 90, 50)
    blind = Naming(named="a", named_share=1.0, named_true_share=0.5, commonest="a", commonest_share=0.5)
    rows = tuple(replace(row, naming=blind) if row.name == "t2" else row for row in measured.rows)
    blind_trials = [
        words for words in SECTION.cautions(Results(sweep=replace(measured, rows=rows))) if "one class" in words
    ]
    assert len(blind_trials) == 1
    assert blind_trials[0].startswith("Trial “learning rate 0.001” names one class for nearly every image")
    assert not any("one class" in words for words in SECTION.cautions(Results(sweep=measured)))


def test_trials_that_were_hardened_and_not_attacked_are_called_so() -> None:
    plain = swept(60, 90)
    first, second = plain.rows
    hardened = replace(second, values=({"kind": "NFGSM", "eps": 4 / 255},))
    untold = replace(second, values=({"kind": "CrossEntropy", "label_smoothing": 0.1},))
    [said] = [
        one for one in SECTION.cautions(Results(sweep=replace(plain, rows=(first, hardened)))) if "none was" in one
    ]
    assert "--attacks pgd-20" in said
    attacked = replace(plain, rows=(first, hardened), attacks=SweptAttacks(norm="linf", eps=0.1, names=("fgsm",)))
    for measured in (plain, replace(plain, rows=(first, untold)), attacked):
        assert not any("none was attacked" in one for one in SECTION.cautions(Results(sweep=measured)))
