"""The registry of sections: what the first screen, the terminal and the model card show alike."""

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ironglass.errors import InputError
from ironglass.measure.classes.by_class import by_class
from ironglass.report.about.unmeasured import unmeasured
from ironglass.report.page import registry
from ironglass.report.page.environment import environment
from ironglass.report.page.model_card import model_card
from ironglass.report.page.page import write_report
from ironglass.report.page.registry import SECTIONS, cautions, first_headlines, headlines, plain_words
from ironglass.results.attack import AttackResult, Attacks, FGSMCurve, FGSMPoint, WorstPoint
from ironglass.results.codec import to_dict
from ironglass.results.evaluation import Evaluation, Named, Naming
from ironglass.results.hardening import Evaluations, Hardening, PairedRow, Seconds
from ironglass.results.numbers import McNemar, Rate, Verdict
from ironglass.results.sections import Results, read_results
from ironglass.results.sweep import Recommended, Sweep
from ironglass.results.training import Stage
from ironglass.results.trial import MeasuredRow
from ironglass.results.versions import with_counts
from ironglass.run import Run

RATE = Rate(value=0.5, low=0.4, high=0.6, n=100)
NAMING = Naming(named="cat", named_share=0.5, named_true_share=0.5, commonest="cat", commonest_share=0.2)
CONSTANT = replace(NAMING, named="dog", named_share=1.0)
TRUSTED, SUSPECT = Verdict(word="trusted", reasons=()), Verdict(word="suspect", reasons=("few",))
EVALUATION = Evaluation(split="test", accuracy=RATE, not_judged=0, loss=1.0, confusion=(), per_class=(),
                        naming=NAMING, macro_f1=0.5, report="")  # fmt: skip
SHOWN_NOWHERE = {"explained", "samples", "measured", "trial"}
"""Sections of results.json that only say that something was done, or that another run's page shows."""


def fgsm(verdict: Verdict | None = None) -> FGSMCurve:
    points = tuple(FGSMPoint(eps=k / 255, accuracy=RATE, fooled=RATE) for k in (0, 8))
    return FGSMCurve(norm="linf", n=100, points=points, verdict=verdict)


def attacks_of(points: Attacks, *names: str) -> Attacks:
    """At 2/255 and 8/255, the latter in doubt."""
    worst = (WorstPoint(eps=2 / 255, accuracy=RATE, verdict=TRUSTED),
             WorstPoint(eps=8 / 255, accuracy=RATE, verdict=SUSPECT))  # fmt: skip
    rows = tuple(AttackResult(name=name, label=name.upper(), settings={}, points=points.attacks[0].points)
                 for name in names)  # fmt: skip
    clean = Rate(value=0.9, low=0.8, high=0.95, n=100)
    return replace(points, clean=clean, eps=(2 / 255, 8 / 255), attacks=rows, worst=worst)


def test_every_section_of_the_results_is_shown_by_one_section_of_the_page() -> None:
    shown = [name for section in SECTIONS for name in section.results]
    assert sorted(shown) == sorted({field.name for field in fields(Results)} - SHOWN_NOWHERE)


def test_keys_and_templates_are_each_section_s_own() -> None:
    assert len({section.key for section in SECTIONS}) == len(SECTIONS)
    for section in SECTIONS:
        assert environment().get_template(f"{section.template}.html.jinja")


def test_a_section_is_one_line_of_the_registry(monkeypatch: pytest.MonkeyPatch, partial_run, tmp_path: Path) -> None:
    from ironglass.report import write_report
    from ironglass.report.kit.headline import Headline
    from ironglass.report.kit.section import Section

    added = Section(
        key="added",
        title="An added section",
        template="about/data",
        applies=lambda source, facts: True,
        headlines=lambda results: [Headline("Added", "by one line", RATE)],
        words=lambda results, classes: ["A paragraph of it."],
    )
    monkeypatch.setattr(registry, "SECTIONS", (*SECTIONS, added))
    monkeypatch.setattr("ironglass.report.page.page.SECTIONS", (*SECTIONS, added))
    run = partial_run("evaluation")
    page = write_report(run).read_text(encoding="utf-8")
    for text in ("An added section", '<a href="#added">', "Added", "by one line", "A paragraph of it."):
        assert text in page, text
    assert "| Added, by one line | 50.0\u202f% | 40.0–60.0\u202f% | 100 |" in model_card(run)


def test_numbers_under_attack_say_whether_they_were_judged() -> None:
    verdict = Verdict(word="invalid", reasons=("gradients are not finite",))
    found = headlines(Results(evaluation=EVALUATION, fgsm=fgsm(verdict)))
    assert [(one.under_attack, one.verdict) for one in found] == [(False, None), (True, verdict)]
    assert headlines(Results(fgsm=fgsm()))[0].under_attack


def test_the_worst_case_stands_beside_the_accuracy_and_in_the_place_of_fgsm(attacks: Attacks) -> None:
    named = attacks_of(attacks, "fgsm", "pgd", "square")
    found = headlines(Results(evaluation=EVALUATION, fgsm=fgsm(), attacks=named))
    assert [one.label for one in found] == ["Accuracy", "Worst case, eps 2/255", "Worst case, eps 8/255"]
    assert [one.verdict for one in found] == [None, TRUSTED, SUSPECT]
    assert found[1].detail == "right under all 3 attacks; unchanged, 90.0\u202f%"
    assert found[1].line == "Worst case, eps 2/255, right under all 3 attacks"


def test_no_two_sections_give_their_filters_one_name() -> None:
    filters = {function for section in SECTIONS for function in section.filters}
    names = [function.__name__ for function in filters]
    assert sorted(names) == sorted(set(names))


def test_without_an_evaluation_the_attacked_images_give_the_clean_accuracy(attacks: Attacks) -> None:
    found = headlines(Results(attacks=attacks_of(attacks, "pgd")))
    assert [one.rate.value for one in found] == [0.9, 0.5, 0.5]
    assert found[1].label == "Under attack, eps 2/255"
    assert found[1].detail.startswith("by PGD;")


def test_a_constant_network_is_called_so_where_attacks_alone_were_made(attacks: Attacks) -> None:
    poor = replace(attacks_of(attacks, "pgd"), naming=CONSTANT)
    [line] = cautions(Results(attacks=poor))
    assert line.startswith("It names one class, “dog”")
    assert cautions(Results(attacks=poor, evaluation=EVALUATION)) == []  # which has the whole split
    assert cautions(Results(attacks=attacks_of(attacks, "pgd"))) == []


def test_fgsm_is_not_spoken_of_again_beside_other_attacks(attacks: Attacks) -> None:
    assert len(plain_words(Results(fgsm=fgsm()), [])) == 1
    (text,) = plain_words(Results(fgsm=fgsm(), attacks=attacks_of(attacks, "pgd")), [])
    assert "takes a single step" not in text


def test_unmeasured_names_what_the_attacks_left_out(attacks: Attacks) -> None:
    assert any("PGD, AutoAttack" in what for what in unmeasured(Results(fgsm=fgsm())))
    said = " ".join(unmeasured(Results(attacks=attacks_of(attacks, "pgd", "square"))))
    assert "attacks other than the 2 above, AutoAttack’s ensemble among them" in said
    assert "held to Linf" in said
    assert "planned change of the pixels" not in said
    assert "among them" not in " ".join(unmeasured(Results(attacks=attacks_of(attacks, "ensemble"))))


def test_plain_words_say_only_what_was_measured() -> None:
    assert plain_words(Results(), []) == []
    (text,) = plain_words(Results(evaluation=replace(EVALUATION, confusion=((45, 15), (35, 5)))), ["cat", "dog"])
    assert text == (
        "Of 100 test images it names 50 right; always naming the commonest class would get 60\u202f%. "
        "Its most frequent mistake is to call “dog” “cat”, 35 times."
    )


def test_a_network_that_names_one_class_is_called_so_before_anything_else(partial_run) -> None:
    assert cautions(Results()) == []
    results = Results(evaluation=replace(EVALUATION, naming=CONSTANT))
    run: Run = partial_run("layers", "occlusion", "fgsm")
    run.record("evaluation", to_dict(results.evaluation))
    page = write_report(run).read_text()
    words, numbers = page.index("In plain words"), page.index("The answer in numbers")
    assert words < page.index("names one class, “dog”") < numbers < page.index("Further, in plain words")
    assert page.count('<p class="what">') == 1, "of the numbers the accuracy alone"
    assert page.count("what this section would explain may be chance") == page.count("Show it all the same") == 2
    assert "worst position" not in page.split("Further, in plain words")[1].split("</section>")[0]
    card = model_card(run)
    assert 0 < card.index("names one class") < card.index("## Results")


def test_uneven_classes_have_their_balanced_accuracy_first(partial_run) -> None:
    balanced = by_class(np.repeat([0, 1], [95, 5]), np.repeat([0, 1, 0], [95, 3, 2]), None, ("cat", "dog"))
    assert balanced["uneven"]
    numbers = to_dict(replace(EVALUATION, naming=replace(NAMING, commonest_share=0.95)))
    run: Run = partial_run()
    run.record("evaluation", {**numbers, "by_class": balanced})
    results = read_results(run.read_object("results.json"), file="")
    assert [one.label for one in first_headlines(results)] == ["Balanced accuracy", "Accuracy"]
    assert first_headlines(results)[0].rate.value == pytest.approx(0.8)
    page, card = write_report(run).read_text(), model_card(run)
    assert 0 < page.index("Balanced accuracy") < page.index('<p class="what">Accuracy')
    assert "Worst off is “dog”: 3 of 5 right" in page
    assert 0 < card.index("Balanced accuracy, on clean test images") < card.index("Accuracy, on clean test images")
    assert card.index("type: balanced_accuracy") < card.index("type: accuracy")
    even = {**balanced, "uneven": False}
    run.record("evaluation", {**numbers, "by_class": even})
    results = read_results(run.read_object("results.json"), file="")
    assert [one.label for one in first_headlines(results)] == ["Accuracy"]


def test_every_number_of_the_classes_is_needed() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(20), 60)
    numbers = by_class(np.arange(60) % 20, shares.argmax(1), shares, tuple(map(str, range(20))))
    section = {**to_dict(EVALUATION), "by_class": numbers}

    def without(value: Any, path: tuple[Any, ...]) -> Any:
        head, *rest = path
        if isinstance(value, list | tuple):
            return [without(item, tuple(rest)) if i == head else item for i, item in enumerate(value)]
        if not rest:
            return {name: item for name, item in value.items() if name != head}
        return {name: without(item, tuple(rest)) if name == head else item for name, item in value.items()}

    def paths(value: Any, before: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(value, dict):
            for name, item in value.items():
                yield (*before, name)
                yield from paths(item, (*before, name))
        elif isinstance(value, list | tuple) and value:
            yield from paths(value[0], (*before, 0))

    contents = json.loads(json.dumps(with_counts({"evaluation": section})))
    assert read_results(contents, file="").evaluation
    every = list(paths(contents["evaluation"]["by_class"], ("evaluation", "by_class")))
    assert len(every) > 40
    for path in [("evaluation", "by_class"), *every]:
        with pytest.raises(InputError, match=r"r\.json: evaluation"):
            read_results(without(contents, path), file="r.json")


def test_so_is_one_side_of_a_hardening_and_the_recommended_trial() -> None:
    test = McNemar(only_first=0, only_second=0, p=1.0)
    rows = tuple(
        PairedRow(name=name, label=name, eps=0.0, before=RATE, after=RATE, test=test) for name in ("clean", "worst")
    )
    sides = Evaluations(before=Named(accuracy=RATE, naming=NAMING), after=Named(accuracy=RATE, naming=CONSTANT))
    stage = Stage(epochs=1, peak_lr=0.1, schedule="constant", last_lr=None, optimiser="sgd", weight_decay=0.0,
                  batch_size=8, objective="CrossEntropy", trainable_from=None, until=None, aux_weight=0.0,
                  name="")  # fmt: skip
    hardened = Hardening(norm="linf", eps=(0.1,), split="test", stages=(stage,),
                         seconds=Seconds(before=None, after=1.0), guard="on", evaluations=sides, alarms=(), watched=(),
                         rows=rows)  # fmt: skip
    assert [line[:42] for line in cautions(Results(hardening=hardened))] == [
        "After hardening it names one class, “dog”,"
    ]
    row = MeasuredRow(name="t", folder="trials/t", values=(), parameters=1, multiply_adds=None, validation=RATE,
                      validation_loss=1.0, training=RATE, gap=0.0, measured=RATE, epochs=1, best_epoch=1, seconds=1.0,
                      training_images_per_second=None, inference_images_per_second=1.0, skipped=0, rollbacks=0,
                      naming=CONSTANT)  # fmt: skip
    best = Recommended(trial="t", level=0.05, criterion="validation", alike=(), tests={})
    swept = Sweep(axes=(), split="test", jobs=1, attacks=None, rows=(row,), settings=(), recommended=best)
    assert cautions(Results(sweep=swept))[0].startswith("The recommended network names one class")
