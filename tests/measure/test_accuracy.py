"""Evaluation on a classifier whose answers are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.accuracy import evaluate, top
from ironglass.measure.per_image import per_image, write_per_image, write_predictions
from ironglass.models import Classifier
from ironglass.run import Run


class Brightest(nn.Module):
    """The logits are the three pixels, times ten."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 10 * images.flatten(1)


CLASSIFIER = Classifier(Brightest(), mean=(0,), std=(1,), classes=("a", "b", "c"), input_size=(1, 3))
PIXELS = np.array([[255, 0, 0], [0, 255, 0], [0, 255, 0], [0, 0, 255]], dtype=np.uint8).reshape(4, 1, 3, 1)
SPLIT = Split(PIXELS, np.array([0, 0, 1, 2]), ("w", "x", "y", "z"))


def test_numbers_by_hand() -> None:
    numbers, logits = evaluate(CLASSIFIER, SPLIT)
    assert numbers["accuracy"]["value"] == 0.75
    assert numbers["accuracy"]["n"] == 4
    assert numbers["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    a, b, c = numbers["per_class"]
    assert (a["precision"], a["recall"], a["support"]) == (1.0, 0.5, 2)
    assert (b["precision"], b["recall"], c["f1"]) == (0.5, 1.0, 1.0)
    assert numbers["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    right, wrong = np.log(np.exp(10) + 2) - 10, np.log(np.exp(10) + 2)
    assert numbers["loss"] == pytest.approx((3 * right + wrong) / 4, rel=1e-5)
    assert "macro avg" in numbers["report"]
    assert logits.shape == (4, 3)


def test_a_class_without_images_counts_as_nought_and_does_not_warn() -> None:
    numbers, _ = evaluate(CLASSIFIER, SPLIT.take(slice(0, 2)))
    assert numbers["per_class"][2] == {"class": "c", "precision": 0, "recall": 0, "f1": 0, "support": 0}
    assert numbers["macro_f1"] == pytest.approx(2 / 3)  # of a alone, the one class that has images
    assert " c " not in numbers["report"]


def test_refusals() -> None:
    with pytest.raises(InputError, match="empty"):
        evaluate(CLASSIFIER, SPLIT.take(slice(0, 0)))
    with pytest.raises(InputError, match="label 3"):
        evaluate(CLASSIFIER, Split(PIXELS, np.array([0, 1, 2, 3]), SPLIT.names))


def test_per_image_rows(tmp_path: Path) -> None:
    _, logits = evaluate(CLASSIFIER, SPLIT)
    clean = per_image(SPLIT, CLASSIFIER, logits, condition="clean", eps=0.0, linf=np.zeros(4))
    attacked = per_image(SPLIT, CLASSIFIER, logits, condition="fgsm", eps=0.1, linf=np.full(4, 0.1))
    write_per_image(Run(tmp_path), "both", [clean, attacked])
    rows = pq.read_table(tmp_path / "per_image" / "both.parquet").to_pylist()
    assert len(rows) == 8
    assert rows[1]["label"] == "a"
    assert rows[1]["prediction"] == "b"
    assert not rows[1]["correct"]
    assert not rows[1]["fooled"]  # wrong without any help
    assert rows[5]["fooled"]
    assert rows[0]["top5"] == ["a", "b", "c"]
    assert sum(rows[0]["top5_confidence"]) == pytest.approx(1)


def test_predictions_csv(tmp_path: Path) -> None:
    _, logits = evaluate(CLASSIFIER, SPLIT)
    write_predictions(Run(tmp_path), ["with, comma", "x", "y", "z"], CLASSIFIER, logits)
    lines = (tmp_path / "predictions.csv").read_text().splitlines()
    assert lines[0] == "name,class_1,confidence_1,class_2,confidence_2,class_3,confidence_3"
    assert lines[1].startswith('"with, comma",a,0.9999')


def test_top_is_sorted() -> None:
    classes, confidence = top(CLASSIFIER, torch.tensor([[0.0, 2.0, 1.0]]), 2)
    assert classes.tolist() == [[1, 2]]
    assert confidence[0, 0] == pytest.approx(np.exp(2) / (1 + np.e + np.exp(2)), rel=1e-5)


@pytest.mark.parametrize(
    ("row", "judged"),
    [
        ((float("nan"), 0.0, 0.0), False),
        ((0.0, float("nan"), 9.0), False),
        ((float("inf"), 0.0, 0.0), True),
        ((float("inf"), float("inf"), 0.0), False),
        ((float("-inf"),) * 3, False),
        ((float("-inf"), 0.0, -1.0), True),
        ((1.0, 1.0, 1.0), True),
    ],
)
def test_an_image_without_a_largest_logit_is_not_judged_and_counts_as_wrong(
    row: tuple[float, ...], judged: bool, tmp_path: Path
) -> None:
    class Odd(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            odd = torch.tensor(row).expand(len(images), -1)
            return torch.where(images.flatten(1)[:, :1] > 0.5, odd, 10 * images.flatten(1))

    classifier = Classifier(Odd(), mean=(0,), std=(1,), classes=("a", "b", "c"), input_size=(1, 3)).eval()
    best = int(np.argmax(row)) if judged else 0
    labels = np.array([best, best, 1, 2])
    numbers, logits = evaluate(classifier, Split(PIXELS, labels, SPLIT.names).take(slice(None)))
    assert numbers["not_judged"] == (0 if judged else 1)
    assert numbers["accuracy"]["value"] == (int(judged) + int(best == 1) + 2) / 4
    Run(tmp_path).write("results.json", numbers)  # which refuses NaN and infinity
    table = per_image(
        replace(SPLIT, labels=labels), classifier, logits, condition="clean", eps=0.1, linf=np.zeros(4)
    ).to_pylist()
    assert table[0]["prediction"] == ("abc"[best] if judged else None)
    assert all(0 <= one <= 1 for line in table for one in line["top5_confidence"])


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_normalisation_is_of_finite_numbers(value: float) -> None:
    for given in ({"mean": (value,), "std": (1,)}, {"mean": (0,), "std": (value,)}):
        with pytest.raises(InputError, match=r"mean|std"):
            Classifier(Brightest(), classes=("a", "b", "c"), input_size=(1, 3), **given)
