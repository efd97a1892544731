"""The chart of FGSM: both units, and its band."""

import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.attack.fgsm_chart import fgsm
from ironglass.results.attack import FGSMCurve, FGSMPoint
from ironglass.results.numbers import Rate


def test_fgsm_has_both_units_and_its_band():
    fooled = Rate(**wilson(0, 90))
    points = tuple(
        FGSMPoint(eps=k / 255, accuracy=Rate(**wilson(a, 100)), fooled=fooled) for k, a in ((8, 10), (0, 90), (2, 40))
    )
    figure = fgsm(FGSMCurve(norm="linf", n=100, points=points, verdict=None))
    axes = figure.axes[0]
    assert axes.lines[0].get_xdata().tolist() == pytest.approx([0, 2, 8])
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([0.9, 0.4, 0.1])
    assert "1/255" in axes.get_xlabel()
    (above,) = axes.child_axes
    figure.draw_without_rendering()
    assert above.get_xlim()[1] == pytest.approx(axes.get_xlim()[1] / 255)
    band = axes.collections[0].get_datalim(axes.transData)
    assert band.y1 == pytest.approx(points[1].accuracy.high)
    assert band.y0 == pytest.approx(points[0].accuracy.low)
