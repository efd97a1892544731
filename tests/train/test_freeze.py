"""Which layers learn: by name, by "head", by share."""

import pytest

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.load import load_classifier
from ironglass.train.freeze import learning_parameters


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return load_classifier("simple-cnn", classes=("a", "b"), size=16)


def names(classifier: Classifier, trainable_from: str | None) -> list[str]:
    learning = {id(parameter) for parameter in learning_parameters(classifier, trainable_from)[1]}
    return [name for name, parameter in classifier.network.named_parameters() if id(parameter) in learning]


def test_head_is_the_last_layer_with_parameters(classifier: Classifier) -> None:
    assert names(classifier, "head") == ["linear.weight", "linear.bias"] == names(classifier, "linear")


@pytest.mark.parametrize(("share", "first"), [("0%", 0), ("50%", 6), ("92%", 11), ("99 %", 12)])
def test_a_share_counts_the_layers_that_have_parameters(classifier: Classifier, share: str, first: int) -> None:
    layers = [f"{kind}{number}" for number in range(1, 7) for kind in ("conv", "norm")] + ["linear"]
    assert list(dict.fromkeys(name.partition(".")[0] for name in names(classifier, share))) == layers[first:]


def test_what_comes_before_is_held(classifier: Classifier) -> None:
    held = learning_parameters(classifier, "norm2")[0]
    assert held == list(classifier.network)[:4]  # conv1, norm1, relu1, conv2
    assert learning_parameters(classifier, None)[0] == []


@pytest.mark.parametrize("name", ["tail", "100%", "7", "-5%"])
def test_other_names_are_refused(classifier: Classifier, name: str) -> None:
    with pytest.raises(InputError, match="give head, a share as 70%, or one of conv1, norm1"):
        learning_parameters(classifier, name)


def test_a_layer_of_that_name_goes_first() -> None:
    vit = load_classifier("timm/vit_tiny_patch16_224", classes=("a", "b"), size=32, img_size=32)
    assert names(vit, "head") == ["head.weight", "head.bias"]
