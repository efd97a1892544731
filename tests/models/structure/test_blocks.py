"""What counts as a block, by networks whose blocks everybody counts alike."""

import pytest
from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_classifier
from ironglass.models.structure.blocks import blocks_of

COUNTED = {
    "timm/mobilenetv2_050": (17, "blocks.0.0", "blocks.6.0", "conv_head", "classifier"),
    "torchvision/mobilenet_v2": (17, "features.1", "features.17", "features.18.0", "classifier.1"),
    "timm/resnet18": (8, "layer1.0", "layer4.1", "global_pool.pool", "fc"),
    "torchvision/squeezenet1_1": (8, "features.3", "features.12", "classifier.0", "classifier.1"),
    "timm/vit_tiny_patch16_224": (12, "blocks.0", "blocks.11", "norm", "head"),
    "simple-cnn": (6, "conv1", "conv6", "linear", "linear"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_counts_as_the_papers_do(name: str) -> None:
    number, first, final, head, last = COUNTED[name]
    size = 224 if "vit" in name else 64
    blocks = blocks_of(load_classifier(name, classes=("a", "b"), size=size))
    assert (len(blocks), blocks.names[0], blocks.names[-1]) == (number, first, final)
    assert (blocks.layers[blocks.head], blocks.layers[blocks.last]) == (head, last)


def test_ends() -> None:
    blocks = blocks_of(load_classifier("timm/mobilenetv2_050", classes=("a", "b"), size=32))
    ends = [blocks.next_layer(depth) for depth in (0, 1, 2, 17, "head")]
    assert ends == [None, "blocks.1.0.conv_pw", "blocks.1.1.conv_pw", "conv_head", "classifier"]
    with pytest.raises(InputError, match="blocks is 18 and the network has 17: give 0 to 17, or head"):
        blocks.end(18)


def test_a_plain_chain_has_a_block_a_layer_of_weights_but_the_last() -> None:
    chain = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3), nn.Linear(3, 2)
    )
    blocks = blocks_of(Classifier(chain, mean=(0.5,), std=(1.0,), classes=("a", "b"), input_size=4))
    assert blocks.names == ("0", "4")
    assert [blocks.next_layer(depth) for depth in (1, 2, "head")] == ["4", "5", "5"]


def test_a_single_layer_has_none() -> None:
    with pytest.raises(InputError, match="logistic is a single layer: it has no blocks to transplant"):
        blocks_of(load_classifier("logistic", classes=("a", "b"), size=8))
