"""A 1 × 1 convolution as one matrix product over all pixels, and so its gradient.

On one thread torch computes it image by image, and fills the gradient with noughts first (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ironglass.engine.kernels.winograd import pair


def is_one_by_one(conv: nn.Conv2d) -> bool:
    """Returns whether each output pixel depends on all channels of the same input pixel alone."""
    sizes = (*conv.kernel_size, *conv.stride)
    return conv.groups == 1 and {*sizes} == {1} and not isinstance(conv.padding, str) and not any(pair(conv.padding))


def one_by_one_convolution(conv: nn.Conv2d) -> Callable[[Tensor], Tensor]:
    """A function for the convolution with the current weights, which take no gradient."""
    matrix = conv.weight.detach().flatten(1).T

    def forward(x: Tensor) -> Tensor:
        if x.ndim != 4 or x.dtype != matrix.dtype or torch.is_autocast_enabled(x.device.type):
            return F.conv2d(x, conv.weight, conv.bias)
        return _Product.apply(x, matrix, conv.bias)

    return forward


class _Product(torch.autograd.Function):
    """Maps (n, c, h, w) by a matrix (c, c'), and a bias (c',) or none. The gradient is a product with its transpose."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
        ctx.matrix = matrix
        return _product(maps, matrix, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        # a graph of the gradient itself is rare, and recording one takes longer than a small product
        product = _Product.apply if torch.is_grad_enabled() else _product
        return product(gradients[0], ctx.matrix.T, None), None, None


def _product(maps: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    n, channels, height, width = maps.shape
    shape = (n, matrix.shape[1], height, width)
    # the buffer itself is returned: autograd forbids in-place changes of a view
    out = torch.empty(shape, dtype=maps.dtype, device=maps.device, memory_format=torch.channels_last)
    pixels = maps.permute(0, 2, 3, 1).reshape(-1, channels)
    rows = out.permute(0, 2, 3, 1).view(-1, shape[1])
    if bias is None:
        torch.mm(pixels, matrix, out=rows)
    else:
        torch.addmm(bias, pixels, matrix, out=rows)
    return out
