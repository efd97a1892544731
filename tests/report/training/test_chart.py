"""The chart of a training: kept epoch, stages, validation."""

import pytest

from ironglass.report.training.chart import training

HISTORY = [
    {"stage": s, "epoch": e, "train_loss": 1 / e, "train_accuracy": 0.5 + 0.1 * e, "validation_loss": v,
     "validation_accuracy": None if v is None else 0.5 + 0.08 * e}
    for s, e, v in ((0, 1, 1.1), (0, 2, None), (1, 3, 0.6), (1, 4, 0.7))
]  # fmt: skip


@pytest.mark.parametrize("narrow", [False, True])
def test_training_marks_the_kept_epoch_and_the_border_of_stages(narrow):
    loss, accuracy = training(HISTORY, best_epoch=3, narrow=narrow).axes
    for axes in (loss, accuracy):
        assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [2.5]
        (ring,) = [line for line in axes.lines if line.get_label() == "kept"]
        assert ring.get_xdata()[0] == 3
    assert accuracy.get_xlabel() == "epoch"


def test_training_names_each_stage_where_it_begins():
    rows = [row | ({"stage_name": "from conv6"} if row["stage"] else {}) for row in HISTORY]
    rows += [rows[-1] | {"stage": 2, "epoch": 5, "stage_name": ""}]
    texts = training(rows).axes[0].texts
    assert [(text.get_text(), text.xy[0]) for text in texts] == [("from conv6", 2.5), ("stage 3", 4.5)]


def test_training_without_validation_shows_the_other_curve():
    rows = [row | {"validation_loss": None, "validation_accuracy": None} for row in HISTORY]
    labels = [line.get_label() for line in training(rows).axes[0].lines]
    assert "train" in labels
    assert "validation" not in labels


@pytest.mark.parametrize("losses", [[2.302, 2.299, 2.295], [0.02, 0.001, 0.0], [9.0, 0.5, 0.4]])
def test_the_axis_of_the_loss_fits_its_values_and_clips_none(losses):
    rows = [row | {"train_loss": loss, "validation_loss": loss} for row, loss in zip(HISTORY, losses, strict=False)]
    low, high = training(rows).axes[0].get_ylim()
    assert low < min(losses)
    assert max(losses) < high
    assert high - low < 1.3 * (max(losses) - min(losses))
    assert low > -0.05 * high


def test_a_single_epoch_has_whole_epochs_and_true_percentages_on_its_axes():
    row = HISTORY[0] | {"train_accuracy": 0.4, "validation_accuracy": 0.2}
    figure = training([row])
    figure.canvas.draw()
    accuracy = figure.axes[1]
    assert [tick for tick in accuracy.get_xticks() if tick % 1] == []
    heights = accuracy.get_yticks()
    labels = accuracy.yaxis.get_major_formatter().format_ticks(heights)
    assert [float(label.split("\u202f")[0]) for label in labels] == pytest.approx(100 * heights, abs=1e-6)
