"""Sentences, against the numbers that they must follow from."""

import pytest

from ironglass.report.page import summary

NARROW = "\u202f"


def rate(value: float, n: int = 1000) -> dict:
    return {"value": value, "low": value - 0.02, "high": value + 0.02, "n": n}


def test_commonest_confusion_is_off_the_diagonal():
    assert summary.commonest_confusion([[90, 3, 1], [5, 80, 0], [2, 5, 70]]) == (1, 0, 5)
    assert summary.commonest_confusion([[9, 0], [0, 9]]) is None


def test_harshest_mask_has_the_lowest_worst_accuracy():
    masks = [{"name": "grey", "worst": rate(0.6)}, {"name": "blur", "worst": rate(0.4)}]
    assert summary.harshest_mask({"masks": masks})["name"] == "blur"


@pytest.mark.parametrize(
    ("share", "said"), [(0.12, "nearly everywhere"), (0.3, "some parts more"), (0.7, "at small parts")]
)
def test_where_it_looks_follows_from_the_concentration(share, said):
    text = summary.looking_words({"layers": [{"concentration": rate(0.9)}, {"concentration": rate(share)}]})
    assert said in text
    assert "rank correlation" not in text


@pytest.mark.parametrize(("rho", "said"), [(0.8, "agrees well"), (0.3, "agrees in part"), (-0.1, "hardly agrees")])
def test_agreement_is_said_as_measured(rho, said):
    assert said in summary.looking_words({"layers": [{"concentration": rate(0.3), "agreement": rate(rho)}]})


def test_plain_words_say_only_what_was_measured():
    evaluation = {"split": "test", "accuracy": rate(0.9, 200), "confusion": [[95, 15], [5, 85]]}
    assert summary.plain_words({}, []) == []
    (text,) = summary.plain_words({"evaluation": evaluation}, ["cat", "dog"])
    assert text == (
        f"Of 200 test images it names 180 right; always naming the commonest class would get 55{NARROW}%. "
        "Its most frequent mistake is to call “cat” “dog”, 15 times."
    )


def test_fgsm_is_called_an_upper_bound():
    points = [{"eps": k / 255, "accuracy": rate(a)} for k, a in ((0, 0.9), (2, 0.4), (8, 0.1))]
    text = summary.fgsm_words({"points": points})
    assert f"40.0{NARROW}% stay right when every pixel may change by at most 2/255" in text
    assert "upper bound" in text


def test_lead_takes_the_description_first():
    assert summary.lead({"description": "Told by the user."}, {}, {}) == "Told by the user."
    said = summary.lead(
        {"dataset": "digits"}, {"classes": list("ab")}, {"model": {"name": "net", "parameters": 2_000_000}}
    )
    assert said.startswith("net of 2.0 million parameters telling 2 classes apart, on digits:")
