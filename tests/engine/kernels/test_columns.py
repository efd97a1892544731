"""A convolution by columns is the convolution, and so are its gradients; the size alone decides where it is taken."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.engine.kernels import conv3x3
from ironglass.engine.kernels.columns import columns_are_faster, columns_convolution
from ironglass.engine.kernels.conv3x3 import three_by_three_convolution


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("settings", [((1, 1), (1, 1)), ((0, 1), (1, 2)), ((1, 1), (2, 2)), ((2, 0), (3, 1))])
@pytest.mark.parametrize("size", [(3, 3), (4, 4), (5, 8)])
def test_it_is_the_convolution_and_so_are_its_gradients(size, settings, layout):
    padding, stride = settings
    random = torch.Generator().manual_seed(1)
    weight = torch.randn(4, 3, 3, 3, generator=random, dtype=torch.float64).contiguous(memory_format=layout)
    bias = torch.randn(4, generator=random, dtype=torch.float64)
    maps = torch.randn(2, 3, *size, generator=random, dtype=torch.float64).contiguous(memory_format=layout)
    maps.requires_grad_()
    for offset in (bias, None):
        plain, ours = (
            F.conv2d(maps, weight, offset, stride, padding),
            columns_convolution(maps, weight, offset, padding, stride),
        )
        torch.testing.assert_close(ours, plain, rtol=1e-12, atol=1e-12)
        assert ours.is_contiguous(memory_format=torch.channels_last)
        weights = torch.randn(plain.shape, generator=random, dtype=torch.float64)
        gradients = [torch.autograd.grad((out * weights).sum(), maps)[0] for out in (plain, ours)]
        torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)
    assert torch.autograd.gradgradcheck(lambda x: columns_convolution(x, weight, bias, padding, stride), (maps,))


@pytest.mark.parametrize(
    ("channels", "wide", "side", "stride", "taken"),
    [(512, 512, 2, 1, True), (256, 512, 4, 2, True), (512, 512, 4, 1, True), (128, 128, 2, 1, False),
     (256, 256, 4, 1, False), (512, 512, 8, 1, False), (512, 512, 1, 1, True)],
)  # fmt: skip
def test_small_maps_of_wide_layers_take_it(monkeypatch, channels, wide, side, stride, taken):
    conv = nn.Conv2d(channels, wide, 3, stride, padding=1).requires_grad_(False)
    maps, calls = torch.randn(2, channels, side, side), []
    assert columns_are_faster(maps, conv.weight, (1, 1), (stride, stride)) == taken
    monkeypatch.setattr(conv3x3, "columns_convolution", lambda *inputs: calls.append(1) or columns_convolution(*inputs))
    out = three_by_three_convolution(conv, {})(maps)
    assert bool(calls) == taken
    torch.testing.assert_close(out, conv(maps), rtol=1e-4, atol=1e-4)


def test_maps_that_it_cannot_take_are_left_to_torch():
    weight = torch.zeros(512, 512, 3, 3)
    assert not columns_are_faster(torch.zeros(512, 2, 2), weight, (1, 1), (1, 1))
    assert not columns_are_faster(torch.zeros(2, 512, 2, 2).double(), weight, (1, 1), (1, 1))
    assert not columns_are_faster(torch.zeros(2, 512, 1, 1), weight, (0, 0), (1, 1))
    with torch.autocast("cpu", torch.bfloat16):
        assert not columns_are_faster(torch.zeros(2, 512, 2, 2), weight, (1, 1), (1, 1))
