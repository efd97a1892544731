"""3 × 3 convolutions over many channels, each batch the way that is fastest for its size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.engine.kernels.onednn import pack, packed_convolution, packed_is_faster
from ironglass.engine.kernels.winograd import pair, transformed, winograd, winograd_is_faster, winograd_supports

MIN_CHANNELS = 64
"""Channels, in and out, from which on it was measured to be faster."""


def is_three_by_three(conv: nn.Conv2d) -> bool:
    """Returns whether it is one that `three_by_three_convolution` computes, with enough channels for it to be
    faster."""
    plain = conv.padding_mode == "zeros" and not isinstance(conv.padding, str) and conv.weight.dtype == torch.float32
    dense = conv.groups == 1 and pair(conv.dilation) == (1, 1) and conv.weight.shape[2:] == (3, 3)
    return plain and dense and min(conv.weight.shape[:2]) >= MIN_CHANNELS


def three_by_three_convolution(conv: nn.Conv2d, built: dict[Any, Any]) -> Callable[[Tensor], Tensor]:
    """Computes the convolution with the weights it has now, which take no gradient: `winograd` where there are
    tiles enough, `packed_convolution` for few pixels, torch's own elsewhere. The size alone decides.

    built: what was made of these weights; the first maps that are worth it add to it. Of laid out weights, which
    serve one size only, those of the last size.
    """
    padding, stride = pair(conv.padding), pair(conv.stride)
    tiles = winograd_supports(conv.weight, stride, conv.dilation, conv.groups)

    def made(make: Callable[..., Any], *given: Any) -> Any:
        known = built.get(make)
        if known is None or known[0] != given:
            with torch.inference_mode(False), torch.no_grad():
                known = built[make] = (given, make(conv.weight, *given))
        return known[1]

    def forward(x: Tensor) -> Tensor:
        if tiles and winograd_is_faster(x, conv.out_channels, padding):
            return winograd(x, made(transformed), conv.bias, padding)
        if packed_is_faster(x, padding):
            return packed_convolution(x, made(pack, x.shape, padding, stride), conv.bias)
        return F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding)

    return forward
