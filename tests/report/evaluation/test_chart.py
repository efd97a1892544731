"""The confusion matrix: its counts, shades and axes."""

import warnings

import numpy as np

from ironglass.report.evaluation.chart import confusion


def test_confusion_writes_every_count_and_names_its_axes():
    axes = confusion([[8, 2], [1, 9]], ["cat", "dog"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["8", "2", "1", "9"]
    assert [patch.get_alpha() for patch in axes.patches] == [0.8, 0.2, 0.1, 0.9]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert axes.get_ylim() == (1.5, -0.5), "the first class stands above"


def test_a_class_without_images_is_not_divided_by_nought():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = confusion([[5, 0], [0, 0]], ["cat", "dog"]).axes[0]
    assert axes.patches[3].get_alpha() == 0


def test_large_confusions_are_colour_only():
    axes = confusion(np.eye(30, dtype=int).tolist(), [str(i) for i in range(30)]).axes[0]
    assert not axes.texts
    assert len(axes.images) == 1
