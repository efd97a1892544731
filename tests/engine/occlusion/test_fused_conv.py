"""Convolutions with batch-norm and activation within, and where an activation may go into one."""

import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F

from ironglass.engine.kernels import onednn
from ironglass.engine.kernels.onednn import FUSED
from ironglass.engine.kernels.winograd import MIN_CHANNELS, winograd_is_faster
from ironglass.engine.occlusion.fused_conv import ACTIVATIONS, Convolution
from ironglass.engine.occlusion.rewrite import simplify


@pytest.mark.parametrize("usual", [False, True], ids=["oneDNN", "torch"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", [None, *ACTIVATIONS])
@pytest.mark.parametrize(
    ("channels", "out", "kernel", "settings"),
    [
        (6, 8, (1, 1), {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}),
        (6, 8, (3, 2), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 3), "groups": 2}),
        (6, 6, (3, 3), {"stride": 1, "padding": "same", "dilation": 1, "groups": 6}),
        (3, 8, (5, 5), {"stride": 2, "padding": 2, "dilation": 1, "groups": 1}),
        (MIN_CHANNELS, MIN_CHANNELS, (3, 3), {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}),
    ],
    ids=["1x1", "odd settings", "depthwise", "large kernel", "tiles"],
)
def test_it_is_the_convolution_and_then_the_activation(
    channels, out, kernel, settings, activation, dtype, usual, monkeypatch
):
    monkeypatch.setattr(onednn, "AVAILABLE", onednn.AVAILABLE and not usual)
    draws = torch.Generator().manual_seed(0)
    weight = torch.randn(out, channels // settings["groups"], *kernel, generator=draws, dtype=dtype)
    bias = torch.randn(out, generator=draws, dtype=dtype)
    size = (24, 24) if channels == MIN_CHANNELS else (17, 13)
    images = 3 * torch.randn(5, channels, *size, generator=draws, dtype=dtype)
    before = images.clone()
    expected = F.conv2d(images, weight, bias, **settings)
    noise = 1e-5 * float(expected.abs().max())  # tiles: 5e-6 of the largest value (docs/experiments.md)
    if activation:
        expected = {"relu": F.relu, "relu6": F.relu6}[activation](expected)
    found = Convolution(weight, bias, settings, activation)(images)
    torch.testing.assert_close(found, expected, rtol=0, atol=noise)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images, before)
    assert winograd_is_faster(images, out, (1, 1)) == (channels == MIN_CHANNELS)


def test_every_activation_has_a_name_in_onednn():
    assert {None, *ACTIVATIONS} == {*FUSED}


class Network(nn.Module):
    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.conv, self.act, self.second = what, nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.ReLU6()

    def forward(self, images):
        maps = self.conv(images)
        if self.what == "module":
            return self.act(maps)
        if self.what == "function":
            return F.relu6(maps, inplace=True)
        if self.what == "method":
            return maps.relu()
        if self.what == "two in turn":
            return self.second(self.act(maps))
        if self.what == "read twice":
            return maps + torch.relu(maps)
        if self.what == "read again after in place":
            found = self.act(maps)
            return found * maps
        return F.leaky_relu(maps, 0.1)


@pytest.mark.parametrize(
    ("what", "merged", "left"),
    [
        ("module", "relu", 0),
        ("function", "relu6", 0),
        ("method", "relu", 0),
        ("two in turn", "relu", 1),
        ("read twice", None, 2),
        ("read again after in place", "relu", 1),
        ("another", None, 1),
    ],
)
def test_an_activation_goes_into_the_convolution_that_nobody_else_reads(what, merged, left):
    torch.manual_seed(0)
    network, images = Network(what).eval(), 20 * torch.randn(2, 3, 8, 8)
    traced = fx.symbolic_trace(network)
    simplify(traced)
    convolution, *others = [node for node in traced.graph.nodes if node.op.startswith("call")]
    module = traced.get_submodule(convolution.target)
    assert isinstance(module, Convolution)
    assert module.activation == merged
    assert len(others) == left
    torch.testing.assert_close(traced(images), network(images), rtol=1e-5, atol=1e-5)
