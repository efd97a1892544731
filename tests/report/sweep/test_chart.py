"""The chart of a sweep: lines against a number, rows of what is none."""

from dataclasses import replace

import numpy as np
import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.sweep.chart import numeric_axis, trials
from ironglass.results.attack import WorstPoint
from ironglass.results.evaluation import Naming
from ironglass.results.numbers import Rate
from ironglass.results.sweep import Axis, Recommended, Sweep, SweptAttacks
from ironglass.results.trial import DivergedRow, MeasuredRow

NAMING = Naming(named="a", named_share=0.5, named_true_share=0.5, commonest="a", commonest_share=0.5)


def swept(*axes: tuple[str, list], attacks: bool = False) -> Sweep:
    """Every combination of the axes' values; the n-th trial is right on 90 - n of 100."""
    grid = np.stack(np.meshgrid(*(range(len(values)) for _, values in axes), indexing="ij"), -1).reshape(-1, len(axes))
    rows = []
    for number, indices in enumerate(grid):
        rate = Rate(**wilson(90 - number, 100))
        values = tuple(axes[i][1][index] for i, index in enumerate(indices))
        rows.append(
            MeasuredRow(
                name=f"t{number}", folder=f"trials/t{number}", values=values, parameters=1, multiply_adds=None,
                validation=rate, validation_loss=1.0, training=rate, gap=0.0, measured=rate, epochs=1, best_epoch=1,
                seconds=1.0, training_images_per_second=None, inference_images_per_second=1.0, skipped=0, rollbacks=0,
                naming=NAMING, robust=WorstPoint(eps=8 / 255, accuracy=rate, verdict=None),
            )
        )  # fmt: skip
    return Sweep(
        axes=tuple(Axis(field=name, label=name, values=tuple(values)) for name, values in axes),
        split="test", jobs=1, attacks=SweptAttacks(names=("fgsm",), norm="linf", eps=8 / 255) if attacks else None,
        rows=tuple(rows), settings=(),
        recommended=Recommended(trial="t0", level=0.05, criterion="validation", alike=(), tests={}),
    )  # fmt: skip


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
    whole = swept(MODEL, attacks=True)
    lost = DivergedRow(name="t1", folder="trials/t1", values=("b",), parameters=1, multiply_adds=None, diverged="why")
    (axes,) = trials(replace(whole, rows=(whole.rows[0], lost))).axes
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
