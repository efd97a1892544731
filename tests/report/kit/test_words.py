"""Numbers and sentences, against what they must say."""

import pytest

from ironglass.report.kit import words
from ironglass.results.numbers import Rate, Verdict

NARROW = "\u202f"


def rate(value: float, n: int = 1000) -> Rate:
    return Rate(value=value, low=value - 0.02, high=value + 0.02, n=n)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (words.percent(0.9405), f"94.0{NARROW}%"),
        (words.percent(1, 0), f"100{NARROW}%"),
        (words.interval(rate(0.5)), f"48.0–52.0{NARROW}%"),
        (words.count(11689512), "11,689,512"),
        (words.magnitude(11689512), "11.7 million"),
        (words.magnitude(999), "999"),
        (words.magnitude(4.1e9), "4.1 billion"),
        (words.duration(8.24), "8.2 s"),
        (words.duration(185), "3 min 5 s"),
        (words.duration(7460), "2 h 4 min"),
        (words.eps_text(8 / 255), "8/255"),
        (words.eps_text(0.5 / 255), "0.5/255"),
        (words.eps_text(0.25), "0.25"),  # as on MNIST
        (words.eps_text(0.2), "51/255"),
        (words.eps_text(0.0), "0/255"),
        (words.eps_text(1e-4 / 255), "0.0001/255"),  # not 0, under which nothing may change
        (words.decimal(-0.125, 1), "−0.1"),
        (words.shorten("abcdef", 4), "abc…"),
        (words.shorten("abcd", 4), "abcd"),
    ],
)
def test_numbers_read_well(said, wanted):
    assert said == wanted


def test_objectives_in_words() -> None:
    assert words.objective({"kind": "CrossEntropy", "label_smoothing": 0.1}) == "CrossEntropy, label smoothing 0.1"
    assert words.objective("doubled") == "doubled"


def test_eps_under_l2_is_a_plain_number():
    assert words.eps_text(1.5, "l2") == "1.5 (L2)"
    assert words.eps_text(8 / 255, "linf") == "8/255"


def test_settings_of_an_ensemble_stand_in_brackets():
    given = {"step_size": 2 / 255, "steps": 20, "attacks": {"square": {"queries": 5000}}}
    assert words.settings(given) == "step size 0.007843, steps 20, attacks (square (queries 5000))"
    assert words.settings({}) == ""


def test_labels_lose_their_brackets_only_where_they_stay_apart():
    assert words.short_labels(["AutoAttack standard (9 targets)", "FGSM"]) == ["AutoAttack standard", "FGSM"]
    assert words.short_labels(["PGD (20 steps)", "PGD (50 steps)"]) == ["PGD (20 steps)", "PGD (50 steps)"]


def test_names_are_listed():
    assert [words.listed(list(names)) for names in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


def test_a_number_without_a_verdict_is_called_not_judged() -> None:
    assert (words.verdict_word(None), words.verdict_reasons(None)) == ("not judged", ())
    doubt = Verdict(word="suspect", reasons=("few images",))
    assert (words.verdict_word(doubt), words.verdict_reasons(doubt)) == ("suspect", ("few images",))


def test_p_values() -> None:
    assert words.p_value(0.0001) == "< 0.001"
    assert words.p_value(0.0312) == "= 0.031"
