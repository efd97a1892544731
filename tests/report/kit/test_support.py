"""How far n images carry: the half-width of the interval, and the difference of two such numbers."""

from ironglass.measure.statistics import wilson
from ironglass.report.kit.support import support_words
from ironglass.results.numbers import Rate


def test_the_sentence_follows_from_the_interval() -> None:
    rate = Rate(**wilson(50, 100))
    half = 100 * (rate.high - rate.low) / 2
    text = support_words(rate)
    assert f"100 images carry this: the 50.0\u202f% measured is known to about ± {half:.1f} points" in text
    assert f"more than about {half * 2**0.5:.1f}." in text
    assert "say little" not in text


def test_without_a_number_it_speaks_of_a_half_and_of_few_images() -> None:
    assert support_words(None, 16).startswith("How far 16 images carry this: a share is known to about ± 24.5 points")
    assert support_words(None, 16).endswith("So few images say little.")
    assert "1 image carries" in support_words(None, 1)
    assert support_words(None) == support_words(None, 0) == ""
