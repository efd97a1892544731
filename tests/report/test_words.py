"""Numbers and sentences, against what they must say."""

import pytest

from ironglass.report import words

NARROW = "\u202f"


def rate(value: float, n: int = 1000) -> dict:
    return {"value": value, "low": value - 0.02, "high": value + 0.02, "n": n}


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
        (words.decimal(-0.125, 1), "−0.1"),
        (words.shorten("abcdef", 4), "abc…"),
        (words.shorten("abcd", 4), "abcd"),
    ],
)
def test_numbers_read_well(said, wanted):
    assert said == wanted


@pytest.mark.parametrize(
    ("eps", "wanted"),
    [
        ([0, 1, 2, 4, 8], [2, 8]),
        ([0, 1, 2], [1, 2]),  # the nearest is the largest, so the middle one takes its place
        ([0, 8, 16], [8, 16]),
        ([0, 4], [4]),
        ([0], []),
    ],
)
def test_first_screen_shows_the_point_near_two_and_the_largest(eps, wanted):
    points = [{"eps": value / 255} for value in reversed(eps)]
    assert [round(point["eps"] * 255) for point in words.notable_points(points)] == wanted


def test_commonest_confusion_is_off_the_diagonal():
    assert words.commonest_confusion([[90, 3, 1], [5, 80, 0], [2, 5, 70]]) == (1, 0, 5)
    assert words.commonest_confusion([[9, 0], [0, 9]]) is None


def test_harshest_mask_has_the_lowest_worst_accuracy():
    masks = [{"name": "grey", "worst": rate(0.6)}, {"name": "blur", "worst": rate(0.4)}]
    assert words.harshest_mask({"masks": masks})["name"] == "blur"


@pytest.mark.parametrize(
    ("share", "said"), [(0.12, "nearly everywhere"), (0.3, "some parts more"), (0.7, "at small parts")]
)
def test_where_it_looks_follows_from_the_concentration(share, said):
    text = words.looking_words({"layers": [{"concentration": rate(0.9)}, {"concentration": rate(share)}]})
    assert said in text
    assert "rank correlation" not in text


@pytest.mark.parametrize(("rho", "said"), [(0.8, "agrees well"), (0.3, "agrees in part"), (-0.1, "hardly agrees")])
def test_agreement_is_said_as_measured(rho, said):
    assert said in words.looking_words({"layers": [{"concentration": rate(0.3), "agreement": rate(rho)}]})


def test_plain_words_say_only_what_was_measured():
    evaluation = {"split": "test", "accuracy": rate(0.9, 200), "confusion": [[95, 15], [5, 85]]}
    assert words.plain_words({}, []) == []
    (text,) = words.plain_words({"evaluation": evaluation}, ["cat", "dog"])
    assert text == (
        f"Of 200 test images it names 180 right; always naming the commonest class would get 55{NARROW}%. "
        "Its most frequent mistake is to call “cat” “dog”, 15 times."
    )


def test_fgsm_is_called_an_upper_bound():
    points = [{"eps": k / 255, "accuracy": rate(a)} for k, a in ((0, 0.9), (2, 0.4), (8, 0.1))]
    text = words.fgsm_words({"points": points})
    assert f"40.0{NARROW}% stay right when every pixel may change by at most 2/255" in text
    assert "upper bound" in text


def test_lead_takes_the_description_first():
    assert words.lead({"description": "Told by the user."}, {}, {}) == "Told by the user."
    said = words.lead(
        {"dataset": "digits"}, {"classes": list("ab")}, {"model": {"name": "net", "parameters": 2_000_000}}
    )
    assert said.startswith("net of 2.0 million parameters telling 2 classes apart, on digits:")


def test_objectives_in_words() -> None:
    assert words.objective({"kind": "CrossEntropy", "label_smoothing": 0.1}) == "CrossEntropy, label smoothing 0.1"
    assert words.objective("doubled") == "doubled"
