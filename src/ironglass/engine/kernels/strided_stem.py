"""The gradient of a strided first convolution with few input channels, for which the usual kernels are slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def strides_over_few_channels(conv: nn.Conv2d) -> bool:
    """Returns whether `few_channel_convolution` supports the convolution and has the faster gradient
    (docs/benchmarks.md)."""
    simple = conv.groups == 1 and conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
    return simple and conv.in_channels <= 4 and conv.stride[0] == conv.stride[1] > 1 and conv.dilation == (1, 1)


def few_channel_convolution(conv: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """A function for the convolution with the current weights, which take no gradient.

    A pixel is multiplied by every stride-th weight of the kernel only. The gradient of all pixels of one phase, that is
    of one position modulo the stride, is therefore an ordinary convolution with those weights; all phases at once are
    one with stride² times the channels, which a pixel shuffle makes an image (Shi et al. 2016, arXiv 1609.05158).
    """
    phases = _phases(conv)

    def forward(x: Tensor) -> Tensor:
        if not (x.requires_grad and torch.is_grad_enabled()):
            return F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding)
        return _Convolution.apply(x, conv, phases)

    return forward


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: nn.Conv2d, phases: Tensor) -> Tensor:
        ctx.save_for_backward(phases)
        ctx.stride, ctx.padding, ctx.size = conv.stride[0], conv.padding, x.shape[2:]
        return F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        (phases,) = ctx.saved_tensors
        phase_height, phase_width = phases.shape[2:]
        woven = F.pixel_shuffle(F.conv2d(gradient, phases, padding=(phase_height - 1, phase_width - 1)), ctx.stride)
        (height, width), (top, left) = ctx.size, ctx.padding
        missing = (0, max(0, left + width - woven.shape[3]), 0, max(0, top + height - woven.shape[2]))
        return F.pad(woven, missing)[:, :, top : top + height, left : left + width], None, None


def _phases(conv: nn.Conv2d) -> Tensor:
    """Flipped weights of each phase: (c · stride², c', ⌈k / stride⌉, ⌈k / stride⌉)."""
    stride, (height, width) = conv.stride[0], conv.kernel_size
    phase_height, phase_width = -(-height // stride), -(-width // stride)
    padded = F.pad(conv.weight.detach(), (0, stride * phase_width - width, 0, stride * phase_height - height))
    split = padded.view(conv.out_channels, conv.in_channels, phase_height, stride, phase_width, stride).flip(2, 4)
    weights = split.permute(1, 3, 5, 0, 2, 4).reshape(-1, conv.out_channels, phase_height, phase_width)
    return weights.contiguous(memory_format=torch.channels_last)
