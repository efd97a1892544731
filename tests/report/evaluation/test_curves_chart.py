"""The curves of the classes: which are drawn, and which have a name."""

import numpy as np
import pytest

from ironglass.measure.classes.curves import one_against_rest
from ironglass.report.evaluation.class_words import classes_words
from ironglass.report.evaluation.curves_chart import class_curves
from ironglass.results.codec import from_dict
from ironglass.results.evaluation import Naming
from ironglass.results.evaluation.by_class import Averages, ByClass, ClassAccuracy, Curve
from ironglass.results.numbers import Mean, Rate


def curves(k: int) -> tuple[list[Curve], list[str]]:
    draws, names = np.random.default_rng(0), tuple(f"class {i}" for i in range(k))
    labels = np.minimum(np.arange(90) % (k + 1), k - 1)
    return [from_dict(Curve, row, file="") for row in one_against_rest(draws.random((90, k)), labels, names)], [*names]


@pytest.mark.parametrize(("k", "drawn", "named"), [(2, 1, 1), (5, 5, 5), (9, 9, 3)])
@pytest.mark.parametrize("narrow", [False, True])
def test_curves_of_few_classes_are_named_and_of_more_the_worst(k: int, drawn: int, named: int, narrow: bool) -> None:
    rows, names = curves(k)
    figure = class_curves(rows, names, narrow=narrow)
    roc, precision = figure.axes
    assert len(roc.lines) == drawn + 1, "and the line of no knowledge"
    assert len(precision.lines) == drawn
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    worst = sorted(zip(rows, names, strict=True), key=lambda pair: pair[0].roc_auc.value)[:named]
    assert legend == (["class 0"] if k == 2 else [name for _, name in worst])


def test_uneven_classes_in_words() -> None:
    mean, row = Mean(value=0.75, low=0.6, high=0.85, n=100), Averages(precision=0.5, recall=0.5, f1=0.5)
    rates = [Rate(value=1.0, low=0.96, high=1.0, n=90), Rate(value=0.5, low=0.2, high=0.8, n=10)]
    accuracies = tuple(ClassAccuracy(class_=name, accuracy=rate) for name, rate in zip("ab", rates, strict=True))
    by_class = ByClass(
        uneven=True, classes=2, balanced=mean, macro=row, weighted=row, kappa=mean, by_chance=0.8, chance_p=0.0,
        over_commonest=mean, accuracies=(*accuracies, ClassAccuracy(class_="c", accuracy=None)), top5=None, curves=None,
    )  # fmt: skip
    naming = Naming(named="a", named_share=0.9, named_true_share=0.9, commonest="a", commonest_share=0.9)
    text = classes_words(by_class, naming).replace("\u202f", " ")
    assert "90 % of the images are “a”" in text
    assert "75.0 % (60.0–85.0 %), where always naming one class gets 50.0 %" in text
    assert "Worst off is “b”: 5 of 10 right (20.0–80.0 %)." in text
    assert classes_words(ByClass(**{**by_class.__dict__, "uneven": False}), naming) == ""
