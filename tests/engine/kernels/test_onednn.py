"""Convolutions with weights laid out beforehand equal convolutions."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.engine.folding.fold import folded
from ironglass.engine.kernels import onednn
from ironglass.engine.kernels.onednn import pack, packed_convolution, packed_is_faster
from ironglass.models import Classifier

needs_it = pytest.mark.skipif(not onednn.AVAILABLE, reason="torch without oneDNN's own layouts")


def given(n, size):
    random = torch.Generator().manual_seed(n)
    maps = torch.randn(n, 6, *size, generator=random, requires_grad=True)
    return maps, torch.randn(5, 6, 3, 3, generator=random), torch.randn(5, generator=random)


@needs_it
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (2, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize(("n", "size"), [(1, (3, 3)), (2, (7, 7)), (1, (9, 4)), (1, (8, 8))])
def test_it_is_the_convolution_and_so_are_its_gradients(n, size, stride, padding):
    maps, weight, bias = given(n, size)
    found = packed_convolution(maps, pack(weight, maps.shape, padding, stride), bias)
    expected = F.conv2d(maps, weight, bias, stride=stride, padding=padding)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last)
    slope = torch.rand_like(expected, requires_grad=True)
    (ours,) = torch.autograd.grad(found, maps, slope, create_graph=True)
    (theirs,) = torch.autograd.grad(expected, maps, slope, create_graph=True)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    way = torch.rand_like(ours)
    torch.testing.assert_close(
        torch.autograd.grad(ours, slope, way)[0], torch.autograd.grad(theirs, slope, way)[0], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("shape", "padding", "better"),
    [
        ((1, 512, 7, 7), (1, 1), onednn.AVAILABLE),
        ((1, 64, 56, 56), (1, 1), onednn.AVAILABLE),
        ((1, 64, 56, 57), (1, 1), False),  # too many pixels
        ((2, 512, 7, 7), (1, 1), False),
        ((1, 256, 7, 7), (3, 3), onednn.AVAILABLE),
        ((1, 256, 2, 7), (0, 0), False),  # smaller than the kernel
        ((256, 7, 7), (1, 1), False),
        ((0, 256, 7, 7), (1, 1), False),
    ],
)
def test_where_it_is_worth_it(shape, padding, better):
    assert packed_is_faster(torch.empty(shape), padding) is better
    assert not packed_is_faster(torch.empty(shape, dtype=torch.float64), padding)
    with torch.autocast("cpu", torch.bfloat16):
        assert not packed_is_faster(torch.empty(shape), padding)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own, of Intel's GPUs
        with torch.backends.mkldnn.flags(enabled=False):
            assert not packed_is_faster(torch.empty(shape), padding)


@needs_it
@pytest.mark.parametrize("stride", [1, 2])
def test_folded_networks_use_it_for_every_size_and_with_new_weights(monkeypatch, stride):
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
    layers += [nn.Conv2d(128, 128, 3, stride, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
    network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 3))
    classifier = Classifier(network, mean=(0.4,) * 3, std=(0.2,) * 3, classes=tuple("abc"), input_size=8).eval()
    seen = []
    for kind in (onednn._Packed, onednn._Transposed):
        monkeypatch.setattr(kind, "apply", lambda *given, to=kind.apply: seen.append(1) or to(*given))
    with folded(classifier), torch.no_grad():
        classifier(torch.rand(1, 3, 8, 8))  # a way through the network that is new is gone twice
    for size in (8, 10, 8):
        images = torch.rand(1, 3, size, size, requires_grad=True)
        plain = classifier(images)
        with folded(classifier):
            before = len(seen)
            logits = classifier(images)
            assert len(seen) == before + 1
            gradient = torch.autograd.grad(logits[:, 0].sum(), images)[0]
            assert len(seen) == before + 2
        torch.testing.assert_close(logits, plain, rtol=1e-4, atol=1e-5)
        expected = torch.autograd.grad(plain[:, 0].sum(), images)[0]
        assert (gradient - expected).abs().max() < 1e-3 * expected.abs().max()
        with torch.no_grad():
            network[3].weight.mul_(1.5)
