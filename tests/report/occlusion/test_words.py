"""Sentences and headlines on patches, against the numbers that they must follow from."""

from ironglass.report.occlusion.section import SECTION
from ironglass.report.occlusion.words import harshest_mask, occlusion_words
from ironglass.results.audit import Mask, Occlusion
from ironglass.results.numbers import Rate
from ironglass.results.sections import Results


def rate(value: float) -> Rate:
    return Rate(value=value, low=value - 0.02, high=value + 0.02, n=1000)


MASKS = (Mask(name="grey", mean=rate(0.9), worst=rate(0.6)), Mask(name="blur", mean=rate(0.8), worst=rate(0.4)))
MEASURED = Occlusion(patch=8, stride=4, positions=49, n=1000, clean=rate(0.95), masks=MASKS)


def test_harshest_mask_has_the_lowest_worst_accuracy() -> None:
    assert harshest_mask(MEASURED).name == "blur"
    assert "(blur) leaves 80.0\u202f% right on average over 49 positions, and 40.0\u202f%" in occlusion_words(MEASURED)


def test_the_first_screen_has_the_harshest_mask_and_tables_have_all() -> None:
    found = SECTION.headlines(Results(occlusion=MEASURED))
    assert [(one.detail, one.rate.value) for one in found if one.first] == [("blur, 8 × 8 pixels", 0.4)]
    assert [one.rate.value for one in found] == [0.6, 0.9, 0.4, 0.8]
