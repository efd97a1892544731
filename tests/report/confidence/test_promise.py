"""The promise of the sets: what is said of unchanged images is not taken back where changed ones are named."""

from dataclasses import replace

from ironglass.measure.statistics import wilson
from ironglass.report.confidence.words import is_broken, sets_words
from ironglass.results.evaluation.confidence import ConditionRow, Sets
from ironglass.results.numbers import Mean, Rate

SIZE = Mean(value=1.5, low=1.4, high=1.6, n=120)


def promised(right: int, p: float) -> Sets:
    coverage, empty = Rate(**wilson(right, 120)), Rate(**wilson(0, 120))
    return Sets(level=0.9, calibrated=60, least_share=0.275, coverage=coverage, p=p, size=SIZE, empty=empty)


def row(right: int, eps: float | None) -> ConditionRow:
    rate = Rate(**wilson(right, 120))
    fields = {"kind": "attack", "condition": "a", "label": "a", "severity": None, "norm": "linf", "n": 120}
    return ConditionRow(**fields, eps=eps, ece=SIZE, risk=rate, coverage=rate, size=SIZE)


def test_a_share_surely_below_the_promise_is_not_called_kept() -> None:
    assert "the promise is kept" in sets_words(promised(108, 0.5))
    assert "is broken here" in sets_words(promised(80, 1e-5))
    few = sets_words(promised(100, 0.08))
    assert "fewer than promised, though" in few
    assert "kept" not in few


def test_a_coverage_whose_interval_is_widened_says_so() -> None:
    assert "widened" not in sets_words(promised(108, 0.5))
    assert "%, too few for 95 times in 100: widened to hold more often):" in sets_words(
        replace(promised(115, 0.5), widened=True)
    )


def test_sets_of_one_size_have_no_interval_of_no_length() -> None:
    fixed = replace(promised(108, 0.5), size=Mean(value=1, low=1, high=1, n=120))
    text = sets_words(fixed)
    assert "Every one of the 120 sets has 1 class, so that nothing says how the size would vary" in text
    assert "1.00 to 1.00" not in text
    assert "A set has 1.50 classes on average (1.40 to 1.60)" in sets_words(promised(108, 0.5))


def test_only_changed_images_are_named_as_breaking_it() -> None:
    assert is_broken(row(100, 2 / 255), 0.9)
    assert not is_broken(row(100, None), 0.9)
    assert not is_broken(row(108, 2 / 255), 0.9)
