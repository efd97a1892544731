"""The chart of the layers."""

import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.kit import palette
from ironglass.report.layers.chart import layers
from ironglass.results.audit import Layer, Layers
from ironglass.results.numbers import Rate


def rate(right: int) -> Rate:
    return Rate(**wilson(right, 100))


@pytest.mark.parametrize("count", [1, 6, 50])
def test_layers_of_any_depth_are_drawn(count: int) -> None:
    rows = tuple(
        Layer(
            name=f"l{i}", shape=(4, 3, 3), concentration=rate(30), positive=rate(90),
            agreement=rate(40) if i else None, probe=rate(60), without_layout=rate(50), without_layer=rate(20), note="",
        )
        for i in range(count)
    )  # fmt: skip
    measured = Layers(samples=100, probe_train=100, probe_test=100, chance=0.2, clean=rate(90), layers=rows)
    figure = layers(measured)
    probe = figure.axes[0].lines[0]
    assert len(probe.get_xdata()) == count
    assert "layer" in figure.axes[1].get_xlabel()
    assert palette.drawn(layers, measured, kinds=("svg",), narrow=True)
