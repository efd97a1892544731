"""Every place of a patch: the chart and the sentence hold the numbers."""

import pytest

from ironglass.measure.statistics import wilson
from ironglass.report import write_report
from ironglass.report.occlusion.exhaustive_chart import exhaustive
from ironglass.report.occlusion.words import exhaustive_words
from ironglass.results.audit import Exhaustive, PatchSize
from ironglass.results.codec import to_dict
from ironglass.results.numbers import Rate
from ironglass.run import Run


def rate(right: int) -> Rate:
    return Rate(**wilson(right, 100))


def tried(*flipped: int) -> Exhaustive:
    sizes = tuple(
        PatchSize(size=2 * i + 1, positions=(28 - 2 * i) ** 2, accuracy=rate(90 - n), flipped=rate(n))
        for i, n in enumerate(flipped)
    )
    return Exhaustive(fill="black", stride=1, n=100, clean=rate(90), sizes=sizes, smallest=())


@pytest.mark.parametrize("narrow", [False, True])
def test_the_line_starts_without_a_patch(narrow: bool) -> None:
    [line] = exhaustive(tried(4, 30, 55), narrow=narrow).axes[0].lines
    assert list(line.get_xdata()) == [0, 1, 3, 5]
    assert list(line.get_ydata()) == pytest.approx([0.9, 0.86, 0.6, 0.35])


@pytest.mark.parametrize(
    ("flipped", "says"),
    [
        ((4, 30, 55, 70), "4.0\u202f% of 100 images; one of 5 × 5, on 55.0\u202f%."),
        ((4, 30), "4.0\u202f% of 100 images; one of 3 × 3, on 30.0\u202f%."),
        ((60, 70), "60.0\u202f% of 100 images."),
        ((4,), "4.0\u202f% of 100 images."),
    ],
)
def test_the_sentence_names_the_smallest_and_what_flips_every_second(flipped: tuple[int, ...], says: str) -> None:
    assert (
        exhaustive_words(tried(*flipped))
        == f"A patch of 1 × 1 pixels at its worst position changes the prediction on {says}"
    )


def test_the_page_has_a_row_a_size(partial_run) -> None:
    run: Run = partial_run()
    run.record("exhaustive", to_dict(tried(4, 30, 55)))
    page = write_report(run).read_text(encoding="utf-8")
    for text in (
        "laid at every position of 100 images",
        "5 × 5 px",
        "576",
        "35.0\u202f%",
        'aria-label="Share of images classified',
    ):
        assert text in page, text
