"""3 × 3 convolutions over many channels, by the fastest kernel for each batch size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.engine.kernels.columns import columns_are_faster, columns_convolution
from ironglass.engine.kernels.onednn import pack, packed_convolution, packed_is_faster
from ironglass.engine.kernels.winograd import pair, transformed, winograd, winograd_is_faster, winograd_supports

MIN_CHANNELS = 64
"""Least number of input and output channels with a measured gain."""


def is_three_by_three(conv: nn.Conv2d) -> bool:
    """Returns whether `three_by_three_convolution` can compute the convolution, with enough channels for a gain."""
    plain = conv.padding_mode == "zeros" and not isinstance(conv.padding, str) and conv.weight.dtype == torch.float32
    dense = conv.groups == 1 and pair(conv.dilation) == (1, 1) and conv.weight.shape[2:] == (3, 3)
    return plain and dense and min(conv.weight.shape[:2]) >= MIN_CHANNELS


def three_by_three_convolution(conv: nn.Conv2d, built: dict[Any, Any]) -> Callable[[Tensor], Tensor]:
    """A function for the convolution with the current weights, which take no gradient: `winograd` for enough tiles,
    `packed_convolution` for one image, `columns_convolution` for few pixels, torch's own otherwise. The size alone
    decides.

    built: cache of transformed and packed weights, filled on first use. Packed weights are for one size only: those of
        the last size are kept.
    """
    padding, stride = pair(conv.padding), pair(conv.stride)
    tiles = winograd_supports(conv.weight, stride, conv.dilation, conv.groups)

    def cached(make: Callable[..., Any], *key: Any) -> Any:
        entry = built.get(make)
        if entry is None or entry[0] != key:
            with torch.inference_mode(False), torch.no_grad():
                entry = built[make] = (key, make(conv.weight, *key))
        return entry[1]

    def forward(x: Tensor) -> Tensor:
        if tiles and winograd_is_faster(x, conv.out_channels, padding):
            return winograd(x, cached(transformed), conv.bias, padding)
        if packed_is_faster(x, padding):
            return packed_convolution(x, cached(pack, x.shape, padding, stride), conv.bias)
        if columns_are_faster(x, conv.weight, padding, stride):
            return columns_convolution(x, conv.weight.detach(), conv.bias, padding, stride)
        return F.conv2d(x, conv.weight, conv.bias, conv.stride, conv.padding)

    return forward
