"""The chart of a sweep: lines against a number, rows of what is none."""

import numpy as np
import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.sweep.chart import numeric_axis, trials


def swept(*axes: tuple[str, list], attacks: bool = False) -> dict:
    """Every combination of the axes' values; the n-th trial is right on 90 - n of 100."""
    grid = np.stack(np.meshgrid(*(range(len(values)) for _, values in axes), indexing="ij"), -1).reshape(-1, len(axes))
    rows = []
    for number, places in enumerate(grid):
        rate = wilson(90 - number, 100)
        rows.append({"name": f"t{number}", "values": [axes[i][1][place] for i, place in enumerate(places)],
                     "validation": rate, "measured": rate, "robust": {"eps": 8 / 255, "accuracy": rate}})  # fmt: skip
    return {
        "axes": [{"field": name, "label": name, "values": values} for name, values in axes],
        "split": "test",
        "attacks": {"names": ["fgsm"], "norm": "linf", "eps": 8 / 255} if attacks else None,
        "rows": rows,
        "recommended": {"trial": "t0", "alike": [], "tests": {}, "level": 0.05},
    }


LR, MODEL = ("lr", [0.1, 0.01, 0.001]), ("model", ["a", "b"])


@pytest.mark.parametrize("narrow", [False, True])
def test_a_line_for_every_value_of_the_other_axis(narrow: bool) -> None:
    (axes,) = trials(swept(MODEL, LR), narrow=narrow).axes
    assert axes.get_xscale() == "log"
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) == 3 and line.get_linestyle() != "None"]
    assert [list(line.get_ydata()) for line in lines] == [[0.88, 0.89, 0.9], [0.85, 0.86, 0.87]]  # by rising rate
    for line, side in zip(lines, (-1, 1), strict=True):  # a little apart, and each near its own value
        shift = np.log10(np.asarray(line.get_xdata(), float) / [0.001, 0.01, 0.1])
        assert np.allclose(shift, shift[0])
        assert 0 < side * shift[0] < 0.1
    assert [text.get_text() for text in axes.figure.legends[0].get_texts()] == ["a", "b"]  # type: ignore[union-attr]


def test_a_row_for_every_trial_where_nothing_is_a_number() -> None:
    measured = swept(MODEL, attacks=True)
    del measured["rows"][1]["validation"], measured["rows"][1]["measured"], measured["rows"][1]["robust"]
    (axes,) = trials(measured).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b"]
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]  # type: ignore[union-attr]
    assert labels == ["validation images", "test images", "under attack, eps 8/255"]
    cross = [line for line in axes.get_lines() if line.get_marker() == "x"]
    assert [(list(line.get_xdata()), list(line.get_ydata())) for line in cross] == [([0], [1])]


def test_which_axis_the_chart_is_along() -> None:
    assert numeric_axis(swept(MODEL, LR)) == 1
    assert numeric_axis(swept(MODEL)) is None
    assert numeric_axis(swept(("lr", [0.1]), MODEL)) is None
    assert numeric_axis(swept(("seed", list(range(14))), ("lr", [0.1, 0.2]))) == 0  # 2 lines of 14, not 14 of 2
    assert numeric_axis(swept(("flip", [True, False]))) is None
