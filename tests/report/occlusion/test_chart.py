"""The chart of a patch: a row a mask."""

import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.occlusion.chart import occlusion
from ironglass.results.audit import Mask, Occlusion
from ironglass.results.numbers import Rate


def rate(right: int) -> Rate:
    return Rate(**wilson(right, 100))


def test_occlusion_puts_every_mask_on_a_line_with_its_interval():
    masks = tuple(Mask(name=name, mean=rate(80), worst=rate(w)) for name, w in (("grey", 50), ("blur", 40)))
    measured = Occlusion(patch=3, stride=1, positions=9, n=100, clean=rate(95), masks=masks)
    axes = occlusion(measured).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["grey", "blur"]
    worst = axes.containers[1]
    assert worst[0].get_xdata().tolist() == [0.5, 0.4]
    (segments,) = [bars.get_segments() for bars in worst[2]]
    assert segments[0][:, 0].tolist() == pytest.approx([rate(50).low, rate(50).high])
