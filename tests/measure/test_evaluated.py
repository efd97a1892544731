"""The public `evaluate`: its result unpacks as before, is frozen, and shows itself."""

import json
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.data.dataset import Split
from ironglass.measure.accuracy import evaluate as numbers_and_logits
from ironglass.models import Classifier


class Brightest(nn.Module):
    """Ten times the pixels; NaN where the first is 7/255."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pixels = 10 * images.flatten(1)
        return torch.where((255 * images[:, 0, 0, :1]).round() == 7, torch.nan, pixels)


CLASSIFIER = Classifier(Brightest(), mean=(0,), std=(1,), classes=("cat", "dog", "eel"), input_size=(1, 3)).eval()
ROWS = [[255, 0, 0], [0, 255, 0], [0, 255, 0], [0, 0, 255], [7, 0, 0]]
PIXELS = np.array(ROWS, dtype=np.uint8).reshape(5, 1, 3, 1)
SPLIT = Split(PIXELS, np.array([0, 0, 0, 2, 1]), tuple("vwxyz"))


def test_it_unpacks_as_numbers_and_logits() -> None:
    result = ig.evaluate(CLASSIFIER, SPLIT, name="held out")
    numbers, logits = result
    expected, rows = numbers_and_logits(CLASSIFIER, SPLIT, name="held out")
    assert numbers == expected == result.numbers == result[0]
    assert logits is result.logits is result[1]
    torch.testing.assert_close(logits, rows, equal_nan=True)
    assert len(result) == 2


def test_what_it_knows() -> None:
    result = ig.evaluate(CLASSIFIER, SPLIT)
    assert result.accuracy["value"] == 0.4
    assert (result.split, result.loss) == ("test", None)
    assert result.confusion.tolist() == [[1, 2, 0], [0, 0, 0], [0, 0, 1]]
    assert result.labels.tolist() == [0, 0, 0, 2, 1]
    assert result.predictions.tolist() == [0, 1, 1, 2, -1]
    assert result.macro_f1 == result.numbers["macro_f1"]
    with pytest.raises(FrozenInstanceError):
        result.classes = ()  # type: ignore[misc]


def test_it_is_short_in_words_and_whole_as_a_dictionary() -> None:
    result = ig.evaluate(CLASSIFIER, SPLIT)
    assert repr(result).splitlines() == [
        "EvaluationResult(test, 5 images: accuracy 40.0 % (5.3 to 85.3), no finite loss, macro F1 0.5",
        "  without a largest logit, counted as wrong: 1",
        "  most often wrong: cat taken for dog, 2 of 2 mistakes)",
    ]
    right = ig.evaluate(CLASSIFIER, SPLIT.take(slice(0, 1)))
    assert repr(right).startswith("EvaluationResult(test, 1 image: accuracy 100.0 % (2.5 to 100.0), loss 9.08e-05,")
    assert "\n" not in repr(right)
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["predictions"] == [0, 1, 1, 2, -1]
    assert plain["classes"] == ["cat", "dog", "eel"]
    assert plain["confusion"] == result.confusion.tolist()


def test_the_confusion_matrix_is_drawn() -> None:
    figure = ig.evaluate(CLASSIFIER, SPLIT).show()
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == ["1", "2", "0", "0", "0", "0", "0", "0", "1"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "eel"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[1 / 3, 2 / 3, 0], [0, 0, 0], [0, 0, 1]])
    assert '<img alt="EvaluationResult(test' in ig.evaluate(CLASSIFIER, SPLIT)._repr_html_()


def test_of_many_classes_no_counts_are_written() -> None:
    from ironglass.report.kit.notebook import confusion_figure

    figure = confusion_figure(np.eye(21, dtype=int), [f"class {i}" for i in range(21)], "many")
    assert not figure.axes[0].texts
    assert confusion_figure(np.eye(20, dtype=int), [f"class {i}" for i in range(20)], "few").axes[0].texts
