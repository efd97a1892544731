"""Slices whose intervals are widened are named, and no others."""

from ironglass.measure import statistics
from ironglass.report.failures.words import FEWEST, correction_words, widened_words
from ironglass.results.failures import Failures, FailureSlice
from ironglass.results.numbers import Mean, Rate


def measured(*slices: FailureSlice) -> Failures:
    return Failures(
        split="test", level=0.05, least=30, least_mistakes=10, tests=9, slices_tested=9, pairs_tested=0, clustered=0,
        attributes=(), slices=slices, pairs=(), losses=(), map_method=None,
    )  # fmt: skip


def part(value: str, *, widened: bool) -> FailureSlice:
    rate, difference = Rate(**statistics.wilson(25, 30)), Mean(value=-0.1, low=-0.2, high=0.0, n=90)
    return FailureSlice(
        attribute="domain", kind="column", value=value, accuracy=rate, rest=rate, difference=difference, p=0.2,
        corrected_p=1.0, stands_out=False, widened=widened,
    )  # fmt: skip


def test_slices_that_are_widened_are_named() -> None:
    assert FEWEST == statistics.FEWEST
    assert widened_words(measured(part("sketch", widened=False))) == ""
    text = correction_words(measured(part("sketch", widened=True), part("photo", widened=False)))
    assert "Of “domain: sketch”, fewer than 8 images of the slice or of the rest are right, or wrong" in text
    assert "photo" not in text
    both = measured(part("sketch", widened=True), part("photo", widened=True))
    assert widened_words(both).startswith("Of every slice, fewer than 8")
