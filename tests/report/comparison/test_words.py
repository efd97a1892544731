"""Which number is called which: transferred, own, worst; from numbers made by hand."""

from typing import Any

import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.comparison.chart import comparison, matrix
from ironglass.report.comparison.words import comparison_cards, comparison_words, elsewhere, seeming

EPS, LARGE = 4 / 255, 0.2
TRUSTED = {"word": "trusted", "reasons": []}


def rate(percent: float) -> dict[str, Any]:
    return dict(wilson(round(10 * percent), 1000))


def arm(name: str, clean: float, worst: float, p: float = 0.001) -> dict[str, Any]:
    test = {"only_first": 1, "only_second": 2, "p": p}
    rows = [
        {"name": kind, "label": kind, "eps": eps, "before": rate(0), "after": rate(value), "test": test}
        | ({} if kind == "clean" else {"verdicts": {"before": TRUSTED, "after": TRUSTED}})
        for kind, eps, value in (("clean", 0.0, clean), ("fgsm", EPS, worst + 5), ("worst", EPS, worst))
    ]
    return {"name": name, "label": name.upper(), "rows": rows, "starts": [], "seconds": 1.0, "alarms": []}


MEASURED = {"norm": "linf", "eps": [EPS], "split": "test", "arms": [arm("base", 60, 1), arm("masked", 58, 4)]}
HARD = MEASURED | {"arms": [*MEASURED["arms"], arm("hard", 50, 30)]}


def shown(*names: str) -> dict[str, Any]:
    """Images of the base leave 10, 50, 45 % of the arms right; at the larger eps a tenth of that; own images 8 %."""
    from_base = dict(zip(names, (10.0, 50.0, 45.0), strict=False))
    rows = [
        {
            "attack": "fgsm",
            "eps": eps,
            "surrogates": {
                maker: {
                    name: rate(value * by if maker == "base" else 8.0 if maker == name else 40.0)
                    for name, value in from_base.items()
                }
                for maker in names
            },
        }
        for eps, by in ((EPS, 1.0), (LARGE, 0.1))
    ]
    train = [row | {"surrogates": {"base": {name: rate(90) for name in names}}} for row in rows]
    return {"norm": "linf", "measured": "test", "splits": {"test": {"n": 1000, "rows": rows}, "train": {"rows": train}}}


def test_each_number_stands_under_its_name() -> None:
    base, masked = seeming(MEASURED, shown("base", "masked"))
    values = {key: masked[key]["value"] for key in ("clean", "transferred", "training", "own", "worst")}
    assert values == {"clean": 0.58, "transferred": 0.5, "training": 0.9, "own": 0.08, "worst": 0.04}
    assert base["transferred"] == base["own"]  # its own images are an attack on itself
    assert (masked["eps"], masked["attack"]) == (EPS, "fgsm")


def test_other_sizes_are_told_apart() -> None:
    [other] = elsewhere(MEASURED, shown("base", "masked"))
    assert other["eps"] == LARGE
    assert [one["transferred"]["value"] for one in other["arms"]] == [0.01, 0.05]


def test_the_first_screen_has_what_seems_and_what_is() -> None:
    cards = comparison_cards(HARD, shown("base", "masked", "hard"))
    assert [(label, value["value"]) for label, _, value, _ in cards] == [
        ("Seems: MASKED", 0.5),
        ("Is: MASKED", 0.04),
        ("Hardest to fool: HARD", 0.3),
        ("The base", 0.01),
    ]


def test_the_sentences_follow_the_numbers() -> None:
    text = comparison_words(HARD, shown("base", "masked", "hard"))
    for part in (
        "“MASKED” names 50.0\u202f% right",
        "training images 90.0\u202f%",
        "keeps 8.0\u202f% under the same FGSM",
        "4.0\u202f% under every attack",
        "“HARD”: 29.0 points more than the base,",
        "10.0 points fewer",
    ):
        assert part in text, part
    assert "chance" not in text


def test_what_may_be_chance_is_called_so() -> None:
    measured = MEASURED | {"arms": [arm("base", 60, 1), arm("masked", 58, 4, p=0.3)]}
    assert comparison_words(measured, shown("base", "masked")).count("which may be chance") == 2


def test_no_arm_better_than_the_base_is_said() -> None:
    measured = MEASURED | {"arms": [arm("base", 60, 9), arm("masked", 58, 4)]}
    assert comparison_words(measured, shown("base", "masked")).endswith("No arm withstands more than the base.")
    assert [label for label, *_ in comparison_cards(measured, shown("base", "masked"))][-1] == "Hardest to fool: BASE"


@pytest.mark.parametrize("narrow", [False, True])
def test_the_charts_hold_every_arm_and_maker(narrow: bool) -> None:
    given = HARD, shown("base", "masked", "hard")
    [axes] = comparison(*given, narrow=narrow).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["BASE", "MASKED", "HARD"]
    panels = [axes for axes in matrix(*given, narrow=narrow).axes if axes.get_visible()]
    assert len(panels) == 2
    assert [text.get_text() for text in panels[0].texts] == ["10", "50", "45", "40", "8", "40", "40", "40", "8"]
