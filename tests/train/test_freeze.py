"""Which layers learn: by name, by "head", by share."""

import pytest

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_classifier
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


def test_batch_norm_that_holds_its_activation_is_a_layer() -> None:
    mobile = load_classifier("timm/mobilenetv2_050", classes=("a", "b"), size=32)
    held, learning = learning_parameters(mobile, "blocks.1.0")
    network = mobile.network
    before = [name for name, _ in network.named_parameters() if name.startswith(("conv_stem", "bn1.", "blocks.0."))]
    of_learning = {id(parameter) for parameter in learning}
    assert [name for name, one in network.named_parameters() if id(one) not in of_learning] == before
    assert len(before) == 9  # three convolutions' weights, and two numbers a channel of as many batch-norms
    assert network.get_submodule("bn1") in held
    assert network.get_submodule("blocks.0") in held  # whole, so that nothing in it is in training mode
    assert network.get_submodule("blocks.1.0.bn1") not in held
    assert network.get_submodule("blocks") not in held


def test_a_layer_that_holds_others_is_held_alone() -> None:
    swin = load_classifier("timm/swin_tiny_patch4_window7_224", classes=("a", "b"), size=56)
    first = "layers.0.blocks.1.attn"
    held, learning = learning_parameters(swin, f"{first}.proj")
    attention = swin.network.get_submodule(first)
    assert attention in held
    assert attention.proj not in held
    of_learning = {id(parameter) for parameter in learning}
    assert id(attention.relative_position_bias_table) not in of_learning
    assert id(attention.proj.weight) in of_learning
