"""The pre-activation ResNet-18 against its paper."""

import pytest
import torch
from torch.nn import functional as F

import ironglass as ig
from ironglass.errors import InputError
from ironglass.models.zoo.preact_resnet import PreActBlock, preact_resnet18


def test_as_many_parameters_as_by_hand() -> None:
    counted = 27 * 64 + 2 * 512 + 512 * 10 + 10  # stem, last norm, head
    before = 64
    for now in (64, 64, 128, 128, 256, 256, 512, 512):
        counted += 9 * before * now + 9 * now * now + 2 * before + 2 * now + (before * now if before != now else 0)
        before = now
    network = preact_resnet18(classes=10)
    assert sum(p.numel() for p in network.parameters()) == counted == 11_172_170


def test_a_block_is_its_formula() -> None:
    images = torch.randn(2, 3, 8, 8)
    for block in (PreActBlock(3, 3, 1), PreActBlock(3, 5, 2)):
        block.eval()
        for norm in (block.norm1, block.norm2):
            torch.nn.init.uniform_(norm.running_mean)  # type: ignore[arg-type]
            torch.nn.init.uniform_(norm.weight)
        active = F.relu(block.norm1(images))
        inner = F.relu(block.norm2(F.conv2d(active, block.conv1.weight, stride=block.conv1.stride, padding=1)))
        kept = images if block.shortcut is None else F.conv2d(active, block.shortcut.weight, stride=2)
        assert torch.allclose(block(images), kept + F.conv2d(inner, block.conv2.weight, padding=1), atol=1e-6)


def test_the_maps_of_a_small_image_are_halved_three_times() -> None:
    classifier = ig.load_classifier("preact-resnet-18", classes=("a", "b", "c"), size=32, width=8)
    shapes = {}
    hook = classifier.network.get_submodule("norm").register_forward_hook(
        lambda module, given, made: shapes.update(norm=tuple(made.shape))
    )
    assert classifier(torch.rand(2, 3, 32, 32)).shape == (2, 3)
    hook.remove()
    assert shapes["norm"] == (2, 64, 4, 4)
    assert classifier.options == {"width": 8}


def test_too_thin_a_network_is_refused() -> None:
    with pytest.raises(InputError, match="width is 4: give 8"):
        ig.load_classifier("preact-resnet-18", classes=("a", "b"), size=32, width=4)
