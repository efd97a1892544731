"""A ConvNeXt block as one step is the block, and is left to its own code where it must be."""

import copy

import pytest
import torch
from timm.layers import LayerNorm, LayerNorm2d
from timm.models.convnext import ConvNeXtBlock
from torch import nn

from ironglass.attacks import PGD, Linf
from ironglass.engine.folding.fold import folded
from ironglass.engine.kernels import convnext_block as kernel
from ironglass.models.classifier import Classifier


def block_of(conv_mlp=True, channels=8, **options):
    torch.manual_seed(0)
    norm = LayerNorm2d if conv_mlp else LayerNorm
    block = ConvNeXtBlock(channels, conv_mlp=conv_mlp, norm_layer=norm, **options).eval().requires_grad_(False)
    for parameter in block.parameters():
        parameter.normal_(0, 0.5)
    return block


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    "options",
    [{}, {"conv_mlp": False}, {"ls_init_value": None}, {"conv_bias": False}, {"kernel_size": 3, "drop_path": 0.5}],
)
def test_it_is_the_block_and_so_are_its_gradients(options, layout, monkeypatch):
    monkeypatch.setattr(kernel, "MAX_VALUES", 500)  # several pieces of unequal length
    block = block_of(**options).double()
    assert kernel.is_convnext_block(block)
    weights = kernel.weights_of_block(block)
    maps = torch.randn(3, 8, 5, 4, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    found, expected = kernel.convnext_block(maps, weights), block(maps)
    torch.testing.assert_close(found, expected)
    with torch.no_grad():
        torch.testing.assert_close(kernel.convnext_block(maps, weights), expected)
    slope = torch.randn_like(expected)
    torch.testing.assert_close(*(torch.autograd.grad(out, maps, slope)[0] for out in (found, expected)))
    small = maps[:1, :, :2, :2].detach().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: kernel.convnext_block(x, weights), (small,))


def other_blocks():
    tanh, groups, training = block_of(), block_of(), block_of().train()
    tanh.mlp.act = nn.GELU("tanh")
    groups.mlp.fc1 = nn.Conv2d(8, 32, 1, groups=2).eval()
    return [
        tanh,
        groups,
        training,
        block_of(use_grn=True),
        block_of(stride=2),
        block_of(dilation=2),
        block_of(act_layer="silu"),
        nn.Conv2d(1, 1, 1),
        type("Own", (ConvNeXtBlock,), {})(8, conv_mlp=True, norm_layer=LayerNorm2d).eval(),
    ]


@pytest.mark.parametrize("number", range(9))
def test_other_blocks_are_not_taken_for_one(number):
    assert not kernel.is_convnext_block(other_blocks()[number])


@pytest.fixture
def classifier():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 4, 4), block_of(), block_of(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    network.requires_grad_(False).eval()
    return Classifier(network, mean=(0.5,) * 3, std=(0.5,) * 3, classes=list("abc"), input_size=64)


@pytest.fixture
def used(monkeypatch):
    """Number of blocks computed as one step."""
    calls = []
    own = kernel._forward
    monkeypatch.setattr(kernel, "_forward", lambda *args, **kwargs: calls.append(args) or own(*args, **kwargs))
    return calls


def test_inside_folded_the_gradient_is_the_networks_own(classifier, used):
    torch.manual_seed(0)
    images = torch.rand(16, 3, 64, 64, requires_grad=True)
    expected = torch.autograd.grad(classifier(images)[:, 0].sum(), images)[0]
    assert not used
    with folded(classifier):
        found = torch.autograd.grad(classifier(images)[:, 0].sum(), images)[0]
    assert used
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_hooks_on_parts_of_a_block_run(classifier, used):
    images, inputs = torch.rand(16, 3, 64, 64), []
    with folded(classifier), torch.no_grad():
        expected = classifier(images)
        fused = len(used)
        handle = classifier.network[1].mlp.fc1.register_forward_hook(lambda _, args, __: inputs.append(args))
        found = classifier(images)
        handle.remove()
    assert inputs
    assert fused < len(used)
    assert all(weights is used[1][1] for _, weights in used[fused:])  # of the other block
    torch.testing.assert_close(found, expected)


def test_changed_weights_are_used_in_the_next_call(classifier, used):
    images = torch.rand(16, 3, 64, 64)
    with folded(classifier):
        classifier(images)
    classifier.network[1].mlp.fc2.weight.data.mul_(2)
    with folded(classifier), torch.no_grad():
        found = classifier(images)
    assert used
    torch.testing.assert_close(found, classifier(images))


def test_a_wrong_block_is_noticed_within_the_call_and_left(classifier, used, monkeypatch):
    images = torch.rand(16, 3, 64, 64)
    with folded(classifier):
        classifier(images)
    right = kernel._forward
    monkeypatch.setattr(kernel, "_forward", lambda *args, **kwargs: (right(*args, **kwargs)[0] + 1, ()))
    with folded(classifier, passes=200), torch.no_grad():
        found = classifier(images)
    assert torch.equal(found, classifier(images))


def test_an_attack_ends_at_the_same_images(classifier, used, monkeypatch):
    torch.manual_seed(0)
    images, labels = torch.rand(16, 3, 64, 64), torch.zeros(16, dtype=torch.long)
    attack = PGD(threat=Linf(1 / 255), steps=3)
    found = attack(classifier, images, labels)
    assert used
    monkeypatch.setattr(kernel, "MIN_VALUES", 10**9)
    expected = attack(copy.deepcopy(classifier), images, labels)
    assert ((found - expected).abs() < 1e-6).float().mean() > 0.999
