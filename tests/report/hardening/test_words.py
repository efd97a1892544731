"""What is said of a hardening: outcome, method, cost, classes; from numbers made by hand."""

import re
from dataclasses import replace

import numpy as np
import pytest

from ironglass.measure.statistics import mcnemar, mean_interval, rate_of
from ironglass.report.hardening.section import SECTION
from ironglass.report.hardening.words import class_words, cost_words, hardening_words, method_words, seed_words
from ironglass.results.hardening import Evaluations, Hardening, PairedRow, Seconds, Verdicts
from ironglass.results.hardening.change import ClassChange, ClassPair, Method
from ironglass.results.hardening.seeds import SeedRow, Seeds, SeedSpread
from ironglass.results.numbers import McNemar, Mean, Rate, Verdict
from ironglass.results.sections import Results
from ironglass.results.training import Stage

EPS = 4 / 255
TRUSTED = Verdict(word="trusted", reasons=())
PLAIN = Stage(epochs=3, peak_lr=0.1, schedule="constant", last_lr=None, optimiser="sgd", weight_decay=0.0, batch_size=8,
              objective={"kind": "CrossEntropy", "label_smoothing": 0.0}, trainable_from=None, until=None,
              aux_weight=0.0, name="")  # fmt: skip
HARD = replace(PLAIN, objective={"kind": "NFGSM", "eps": EPS})
METHOD = Method(name="N-FGSM 4/255", eps=EPS, norm="linf", forward=2, backward=2)


def paired(name: str, before: np.ndarray, after: np.ndarray) -> PairedRow:
    eps = 0.0 if name == "clean" else EPS
    return PairedRow(name=name, label=name, eps=eps, before=Rate(**rate_of(before)), after=Rate(**rate_of(after)),
                     test=McNemar(**mcnemar(before, after)),
                     verdicts=Verdicts(before=TRUSTED, after=TRUSTED) if eps else None)  # fmt: skip


def first(count: int, of: int = 100) -> np.ndarray:
    return np.arange(of) < count


def hardened(clean: tuple[int, int], worst: tuple[int, int], of: int = 100) -> Hardening:
    rows = (paired("clean", *(first(count, of) for count in clean)), paired("worst", *(first(n) for n in worst)))
    return Hardening(norm="linf", eps=(EPS,), split="test", stages=(HARD,), seconds=Seconds(before=10.0, after=25.0),
                     guard="on", evaluations=Evaluations(), alarms=(), watched=(), rows=rows, methods=(METHOD,),
                     stages_before=(PLAIN,))  # fmt: skip


def test_gain_and_cost_are_said_with_their_p() -> None:
    text = hardening_words(hardened((95, 85), (10, 60)))
    assert "10.0\u202f% were right under every attack at eps 4/255 before, and 60.0\u202f% are after" in text
    assert "50.0 points more (McNemar’s test, p\u00a0<\u00a00.001)" in text
    assert (
        "On unchanged images it costs 10.0 points: 95.0\u202f% before, 85.0\u202f% after, p\u00a0=\u00a00.002" in text
    )


def test_what_may_be_chance_is_called_so() -> None:
    text = hardening_words(hardened((95, 93), (10, 13)))
    assert "a difference that may be chance (McNemar’s test, p\u00a0=\u00a00.25)" in text
    assert "it costs 2.0 points, which may be chance" in text


def test_another_number_of_images_is_said() -> None:
    text = hardening_words(hardened((950, 850), (10, 60), of=1000))
    assert text.startswith("Of 100 images")
    assert "On unchanged images (all 1,000 of the split) it costs 10.0 points" in text


def test_equal_networks_are_not_called_better_and_a_planted_one_is() -> None:
    draws = np.random.default_rng(0)

    def claims(clean: float, worst: float) -> bool:
        rows = (
            paired("clean", draws.random(300) < 0.9, draws.random(300) < clean),
            paired("worst", draws.random(300) < 0.4, draws.random(300) < worst),
        )
        text = hardening_words(replace(hardened((1, 1), (1, 1)), rows=rows))
        return bool(re.search(r"points (more|fewer)|(costs|gains) [\d.]+ points:", text))

    assert sum(claims(0.9, 0.4) for _ in range(500)) <= 25  # 5 %
    assert all(claims(0.9, 0.65) for _ in range(50))


def test_how_it_was_hardened_and_at_what_cost() -> None:
    measured = hardened((95, 85), (10, 60))
    assert method_words(measured) == (
        "It was hardened by N-FGSM 4/255 (Linf) for 3 epochs (8 images a batch, learning rate 0.1), from fresh "
        "weights; the network before was trained by cross-entropy in the same stages."
    )
    assert cost_words(measured) == (
        "Training took 25.0 s, 2.5 times the 10.0 s of plain training; it takes 2 forward and 2 backward passes a "
        "batch, where plain training takes one of each."
    )


def test_the_same_stages_are_said_only_where_they_are() -> None:
    other = replace(hardened((95, 85), (10, 60)), stages_before=(replace(PLAIN, epochs=9),))
    assert "the same stages" not in method_words(other)
    assert method_words(other).endswith("by cross-entropy for 9 epochs in other stages.")
    assert "times the" not in cost_words(other)
    assert "(before: 10.0 s, in other stages)" in cost_words(other)


def test_a_trained_network_is_hardened_from_where_it_is() -> None:
    measured = replace(hardened((95, 85), (10, 60)), stages_before=(), seconds=Seconds(before=None, after=25.0))
    assert method_words(measured).endswith(", from the network before.")
    assert cost_words(measured).startswith("Training took 25.0 s; it takes 2 forward")


def test_older_files_say_what_they_have() -> None:
    older = replace(hardened((95, 85), (10, 60)), methods=(), stages_before=())
    assert method_words(older) == class_words(older) == ""
    assert cost_words(older) == "Training took 25.0 s (before: 10.0 s, in other stages)."


def change(name: str, clean: tuple[int, int], attacked: tuple[int, int] | None, stands: bool) -> ClassChange:
    def pair(counts: tuple[int, int]) -> ClassPair:
        before, after = map(first, counts)
        return ClassPair(before=Rate(**rate_of(before)), after=Rate(**rate_of(after)),
                         test=McNemar(**mcnemar(before, after)), stands=stands)  # fmt: skip

    return ClassChange(class_=name, clean=pair(clean), attacked=pair(attacked) if attacked else None)


def test_classes_that_changed_are_named() -> None:
    classes = (change("cat", (90, 60), (10, 70), True), change("dog", (90, 85), (10, 15), False),
               change("owl", (90, 90), None, False))  # fmt: skip
    text = class_words(replace(hardened((95, 85), (10, 60)), classes=classes))
    assert text == (
        "By more than chance explains, when all 5 tests of classes are read together (Holm), “cat” gained under "
        "attack; “cat” lost on unchanged images."
    )
    none = class_words(replace(hardened((95, 85), (10, 60)), classes=classes[1:]))
    assert none.startswith("No class has changed by more than chance explains")


def test_the_terminal_says_the_same() -> None:
    lines = SECTION.terminal(Results(hardening=hardened((95, 85), (10, 60))))
    assert lines[0].startswith("Of 100 images")
    assert "N-FGSM 4/255" in lines[1]
    assert SECTION.terminal(Results()) == []


@pytest.mark.parametrize("narrow", [False, True])
def test_the_chart_has_the_worst_case_first(narrow: bool) -> None:
    [axes] = SECTION.charts(_Source(hardened((95, 85), (10, 60))), {})["hardening"].draw(narrow=narrow).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["worst", "clean"]


class _Source:
    """The part of a source that the charts read."""

    def __init__(self, measured: Hardening) -> None:
        self.results = Results(hardening=measured)


def test_the_ramp_of_eps_is_said_and_makes_no_other_stages() -> None:
    ramped = replace(hardened((95, 85), (10, 60)), stages=(replace(HARD, eps_ramp=2.0),))
    assert "N-FGSM 4/255 (Linf) for 3 epochs" in method_words(ramped)
    assert "its eps growing from 0 over the first 2 epochs" in method_words(ramped)
    assert "other stages" not in method_words(ramped)
    assert "growing" not in method_words(hardened((95, 85), (10, 60)))


def spread(*values: float) -> SeedSpread:
    interval = mean_interval(np.array(values), within=(-1.0, 1.0))
    return SeedSpread(mean=Mean(**interval), lowest=min(values), highest=max(values))


def test_seeds_are_said_with_their_spread_and_chance() -> None:
    rate = Rate(value=0.5, low=0.4, high=0.6, n=100)
    row = SeedRow(seed=0, clean_before=rate, clean_after=rate, robust_before=rate, robust_after=rate)
    seeds = Seeds(rows=(row,) * 3, trained_before=False, clean_after=spread(0.8, 0.8, 0.8),
                  robust_after=spread(0.4, 0.5, 0.6), clean_change=spread(-0.1, -0.1, -0.1),
                  robust_change=spread(0.3, 0.4, 0.5))  # fmt: skip
    one = hardened((95, 85), (10, 60))
    assert seed_words(one) == ""
    text = seed_words(replace(one, seeds=seeds))
    assert "The hardened model was trained by 3 seeds and judged on the same images." in text
    assert (
        "50.0\u202f% (25.2\u202f% to 74.8\u202f% over seeds, 95\u202f%; the seeds 40.0\u202f% to 60.0\u202f%)" in text
    )
    assert "+40.0 points (+15.2 to +64.8) under attack and of −10.0 points (−10.0 to −10.0) on unchanged" in text
    assert "may be chance" not in text
    undone = replace(seeds, robust_change=spread(-0.1, 0.0, 0.2))
    assert "Over seeds the change under attack may be chance." in seed_words(replace(one, seeds=undone))
