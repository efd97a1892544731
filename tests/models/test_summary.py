"""The model summary, against counts made by hand."""

from ironglass.models import load_classifier
from ironglass.models.summary import summarise


def test_counts_of_logistic_regression_are_those_by_hand() -> None:
    classifier = load_classifier("logistic", classes=("a", "b", "c"), size=8, channels=1).train()
    text, numbers = summarise(classifier)
    assert numbers["parameters"] == numbers["trainable"] == 64 * 3 + 3
    assert numbers["multiply_adds"] == 64 * 3 + 3  # torchinfo counts the bias too
    assert "Linear" in text
    assert classifier.training
