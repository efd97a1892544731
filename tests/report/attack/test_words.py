"""Sentences on attacks, against the numbers that they must follow from."""

import pytest

from ironglass.report.attack import words
from ironglass.results.attack import AttackPoint, AttackResult, Attacks, FGSMCurve, FGSMPoint, WorstPoint
from ironglass.results.numbers import Norm, Rate, Verdict

NARROW = "\u202f"


def rate(value: float, n: int = 1000) -> Rate:
    return Rate(value=value, low=max(value - 0.02, 0.0), high=value + 0.02, n=n)


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
    points = [FGSMPoint(eps=value / 255, accuracy=rate(0.5), fooled=rate(0.5)) for value in reversed(eps)]
    assert [round(point.eps * 255) for point in words.notable_points(points)] == wanted


TRUSTED = Verdict(word="trusted", reasons=())


def under(
    *names: str,
    left: list[list[float]],
    worst: list[float],
    norm: Norm = "linf",
    verdicts: tuple[Verdict | None, ...] = (TRUSTED, TRUSTED),
) -> Attacks:
    """At eps 2/255 and 8/255; `left`: of each attack; `verdicts`: on the worst case."""
    eps = (2 / 255, 8 / 255) if norm == "linf" else (0.5, 2.0)

    def points(row: list[float]) -> tuple[AttackPoint, ...]:
        return tuple(
            AttackPoint(eps=e, accuracy=rate(a), png_accuracy=rate(a), fooled=rate(a), verdict=None, folder="")
            for e, a in zip(eps, row, strict=True)
        )

    rows = tuple(
        AttackResult(name=name, label=f"{name.upper()} (x)", settings={}, points=points(row))
        for name, row in zip(names, left, strict=True)
    )
    lowest = tuple(WorstPoint(eps=e, accuracy=rate(a), verdict=v) for e, a, v in zip(eps, worst, verdicts, strict=True))
    return Attacks(norm=norm, n=1000, split="test", seed=0, batch=64, clean=rate(0.9), eps=eps, attacks=rows,
                   worst=lowest, probes=())  # fmt: skip


def test_attacks_in_words():
    text = words.attack_words(under("fgsm", "pgd", left=[[0.6, 0.3], [0.2, 0.0]], worst=[0.15, 0.0]))
    assert text == (
        f"Of 1,000 test images, 90.0{NARROW}% are classified correctly as they are. "
        "When every pixel may change by up to 2/255 "
        f"of the range from black to white, 15.0{NARROW}% are right under both attacks; at 8/255, 0.0{NARROW}%. "
        f"The attacks differ most at 2/255: “PGD” fools it most and leaves 20.0{NARROW}% right, “FGSM” fools it least "
        f"and leaves 60.0{NARROW}%. Judged by “FGSM” alone, it would look stronger than it is. "
        "No check found a reason to doubt these numbers."
    )


def test_a_difference_within_the_intervals_is_called_so():
    text = words.attack_words(under("a", "b", left=[[0.22, 0.1], [0.2, 0.1]], worst=[0.2, 0.1]))
    assert "their intervals overlap" in text
    assert "look stronger" not in text


def test_attacks_that_tie_are_named_together_or_not_set_apart():
    tied = under("a", "b", "c", left=[[0.2, 0.1], [0.2, 0.1], [0.8, 0.1]], worst=[0.2, 0.1])
    assert "“A” and “B” fool it most and leave 20.0" in words.attack_words(tied)
    assert [row.name for row in words.strongest(tied, 2 / 255)] == ["a", "b"]
    level = under("a", "b", left=[[0.2, 0.1], [0.2, 0.1]], worst=[0.2, 0.1])
    assert "No attack fools it more often than another." in words.attack_words(level)


def test_one_attack_is_compared_with_none():
    text = words.attack_words(under("pgd", left=[[0.5, 0.1]], worst=[0.5, 0.1], norm="l2"))
    assert f"up to 0.5 long (the root of its summed squares), 50.0{NARROW}% are right under “PGD (x)”; at 2, 10" in text
    assert "differ" not in text


SUSPECT = Verdict(word="suspect", reasons=("few images", "b"))
INVALID = Verdict(word="invalid", reasons=("it is blind",))


@pytest.mark.parametrize(
    ("verdicts", "says"),
    [
        (
            (SUSPECT, INVALID),
            "The number at 8/255 is invalid and says nothing of robustness: it is blind. "
            "The number at 2/255 is suspect and may be better than the truth: few images.",
        ),
        (
            (SUSPECT, SUSPECT),
            "The numbers at 2/255 and 8/255 are suspect and may be better than the truth: few images.",
        ),
        ((None, TRUSTED), "Nothing was checked at 2/255: what stands there is not judged."),
        ((None, None), "Nothing was checked at 2/255 and 8/255: what stands there is not judged."),
    ],
)
def test_the_gravest_verdict_is_said_with_its_first_reason(verdicts: tuple[Verdict | None, ...], says: str):
    text = words.attack_words(under("pgd", left=[[0.5, 0.1]], worst=[0.5, 0.1], verdicts=verdicts))
    assert text.endswith(f". {says}")


def test_fgsm_is_called_an_upper_bound():
    points = tuple(
        FGSMPoint(eps=k / 255, accuracy=rate(a), fooled=rate(0.5)) for k, a in ((0, 0.9), (2, 0.4), (8, 0.1))
    )
    text = words.fgsm_words(FGSMCurve(norm="linf", n=1000, points=points, verdict=None))
    assert f"40.0{NARROW}% stay right when every pixel may change by at most 2/255" in text
    assert "upper bound" in text
