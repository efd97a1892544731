"""Convolutions by tiles equal convolutions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.engine.folding.fold import folded
from ironglass.engine.kernels import winograd as room
from ironglass.engine.kernels.winograd import transformed, winograd, winograd_is_faster, winograd_supports
from ironglass.explain import Occlusion
from ironglass.models import Classifier


def given(n, channels, wide, size, dtype=torch.float64):
    random = torch.Generator().manual_seed(n + channels + wide)
    images = torch.randn(n, channels, *size, generator=random, dtype=dtype)
    weight = torch.randn(wide, channels, 3, 3, generator=random, dtype=dtype)
    return images, weight, torch.randn(wide, generator=random, dtype=dtype)


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 1), (0, 3)])
@pytest.mark.parametrize("size", [(3, 3), (4, 7), (6, 6), (9, 5), (13, 8)])
def test_it_is_the_convolution(size, padding):
    images, weight, bias = given(2, 3, 5, size)
    found = winograd(images, transformed(weight), bias, padding)
    torch.testing.assert_close(found, F.conv2d(images, weight, bias, padding=padding), rtol=1e-12, atol=1e-12)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_by_hand():
    images = torch.arange(36.0).view(1, 1, 6, 6)
    weight = torch.zeros(1, 1, 3, 3)
    weight[0, 0, 0, 2] = 1  # the pixel above and to the right
    found = winograd(images, transformed(weight), None, (1, 1))
    assert found[0, 0, 1].tolist() == pytest.approx([1, 2, 3, 4, 5, 0], abs=1e-5)
    assert found[0, 0, 0].tolist() == pytest.approx([0] * 6, abs=1e-5)


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 1)])
def test_the_gradient_and_its_own(padding):
    images, weight, bias = given(2, 2, 3, (6, 5))
    images.requires_grad_()
    kernel = transformed(weight)
    assert torch.autograd.gradcheck(lambda x: winograd(x, kernel, bias, padding), (images,))
    assert torch.autograd.gradgradcheck(lambda x: winograd(x, kernel, bias, padding), (images,))


def test_chunks_do_not_matter(monkeypatch):
    images, weight, bias = given(5, 3, 4, (9, 9))
    images.requires_grad_()
    whole = winograd(images, transformed(weight), bias, (1, 1))
    (gradient,) = torch.autograd.grad(whole.square().sum(), images)
    monkeypatch.setattr(room, "MAX_VALUES", 1)
    parts = winograd(images, transformed(weight), bias, (1, 1))
    torch.testing.assert_close(parts, whole, rtol=1e-12, atol=1e-12)  # sums may be taken in another order
    again = torch.autograd.grad(parts.square().sum(), images)[0]
    torch.testing.assert_close(again, gradient, rtol=1e-12, atol=1e-12)


def test_float_noise_stays_below_a_hundred_thousandth():
    images, weight, bias = given(4, 256, 256, (14, 14), torch.float32)
    found = winograd(images, transformed(weight), bias, (1, 1))
    exact = F.conv2d(images.double(), weight.double(), bias.double(), padding=1)
    assert (found - exact).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize(
    ("shape", "wide", "better"),
    [
        ((8, 256, 14, 14), 256, True),
        ((8, 512, 7, 7), 512, True),
        ((1, 512, 7, 7), 512, False),  # four tiles
        ((8, 128, 28, 28), 128, True),
        ((8, 128, 9, 9), 128, False),  # tiles of 12
        ((64, 512, 2, 2), 512, False),
    ],
)
def test_where_it_is_worth_it(shape, wide, better):
    assert winograd_is_faster(torch.empty(shape), wide, (1, 1)) is better


def test_what_it_cannot_do():
    wide = torch.zeros(128, 128, 3, 3)
    assert winograd_supports(wide, (1, 1), 1, 1)
    assert not winograd_supports(wide, (2, 2), 1, 1)
    assert not winograd_supports(wide, 1, (2, 2), 1)
    assert not winograd_supports(torch.zeros(128, 64, 3, 3), 1, 1, 2)
    assert not winograd_supports(torch.zeros(128, 128, 1, 1), 1, 1, 1)
    assert not winograd_supports(torch.zeros(64, 128, 3, 3), 1, 1, 1)
    assert not winograd_supports(wide.double(), 1, 1, 1)


@pytest.fixture
def many() -> Classifier:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
    layers += [nn.Conv2d(128, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 3))
    return Classifier(network, mean=(0.4,) * 3, std=(0.2,) * 3, classes=tuple("abc"), input_size=16).eval()


@pytest.fixture
def used(monkeypatch) -> list[torch.Size]:
    """The shapes of the maps that went by tiles."""
    seen: list[torch.Size] = []
    forward = room._forward
    monkeypatch.setattr(room, "_forward", lambda images, *more: seen.append(images.shape) or forward(images, *more))
    return seen


def test_folded_networks_use_it_forwards_and_backwards(many, used):
    images = torch.rand(4, 3, 16, 16, requires_grad=True)
    plain = many(images)
    (expected,) = torch.autograd.grad(plain[:, 0].sum(), images)
    assert not used
    with folded(many):
        logits = many(images)
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), images)
    assert used[-1] == (4, 128, 16, 16)
    torch.testing.assert_close(logits, plain, rtol=1e-4, atol=1e-5)
    assert (gradient - expected).abs().max() < 1e-3 * expected.abs().max()


def test_new_weights_are_seen(many, used):
    images = torch.rand(4, 3, 16, 16)
    with folded(many), torch.no_grad():
        before = many(images)
    with torch.no_grad():
        many.network[3].weight.mul_(2)
    with folded(many), torch.no_grad():
        after = many(images)
    assert used
    torch.testing.assert_close(after, many(images).detach(), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(before, after, rtol=1e-2)


def test_half_precision_goes_the_usual_way(many, used):
    images = torch.rand(4, 3, 16, 16)
    with folded(many), torch.no_grad():
        many(images)
        used.clear()
        with torch.autocast("cpu", torch.bfloat16):
            many(images)
    assert not used


def test_a_single_image_without_a_batch_goes_the_usual_way(many, used):
    image = torch.rand(128, 16, 16)
    expected = many.network[3](image)
    with folded(many), torch.no_grad():
        torch.testing.assert_close(many.network[4](many.network[3](image)[None]), many.network[4](expected[None]))
        used.clear()
        many.network[3](image)
    assert not used


def test_occlusion_uses_it_and_stays_exact(many, used):
    images, targets = torch.rand(1, 3, 16, 16), torch.tensor([1])
    fast = Occlusion(patch=8, stride=1, score="logit")(many, images, targets)
    assert used
    slow = Occlusion(patch=8, stride=1, score="logit", incremental=False)(many, images, targets)
    assert (fast - slow).abs().max() <= 1e-4 * slow.abs().max() + 1e-6 * many(images).abs().max()
