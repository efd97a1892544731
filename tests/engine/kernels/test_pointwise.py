"""A 1 × 1 convolution as a matrix product equals the convolution."""

import pytest
import torch
from torch import nn

from ironglass.engine.kernels.pointwise import _Product, is_one_by_one, one_by_one_convolution


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("shape", [(1, 3, 1, 1), (3, 3, 4, 5), (0, 3, 4, 4), (20, 3, 2, 2)])
def test_it_is_the_convolution_and_so_are_its_gradients(shape, layout, bias):
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 1, bias=bias).requires_grad_(False).double()
    maps = torch.randn(shape, dtype=torch.float64).contiguous(memory_format=layout).requires_grad_()
    found, expected = one_by_one_convolution(conv)(maps), conv(maps)
    torch.testing.assert_close(found, expected)
    assert found.is_contiguous(memory_format=torch.channels_last)
    slope = torch.randn_like(expected)
    torch.testing.assert_close(*(torch.autograd.grad(out, maps, slope)[0] for out in (found, expected)))
    if maps.numel() and bias:
        assert torch.autograd.gradgradcheck(one_by_one_convolution(conv), (maps,))


def test_what_comes_after_may_work_in_place():
    conv = nn.Conv2d(2, 3, 1).requires_grad_(False)
    maps = torch.randn(2, 2, 3, 3, requires_grad=True)
    found, expected = one_by_one_convolution(conv)(maps).relu_(), conv(maps).relu()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(out.sum(), maps)[0] for out in (found, expected)))


def test_half_precision_and_single_maps_go_the_usual_way(monkeypatch):
    conv = nn.Conv2d(2, 3, 1).requires_grad_(False)
    monkeypatch.setattr(_Product, "apply", lambda *_: pytest.fail("a matrix product"))
    forward = one_by_one_convolution(conv)
    single = torch.randn(2, 3, 3)
    torch.testing.assert_close(forward(single), conv(single))
    with torch.autocast("cpu", torch.bfloat16):
        assert forward(single[None]).dtype == torch.bfloat16


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 3},
        {"kernel_size": (1, 3)},
        {"kernel_size": 1, "stride": 2},
        {"kernel_size": 1, "padding": 1},
        {"kernel_size": 1, "padding": "same"},
        {"kernel_size": 1, "groups": 2},
    ],
)
def test_other_convolutions_are_not_taken_for_one(settings):
    assert is_one_by_one(nn.Conv2d(2, 2, 1))
    assert not is_one_by_one(nn.Conv2d(2, 2, **settings))
