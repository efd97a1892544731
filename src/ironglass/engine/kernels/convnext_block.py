"""timm's ConvNeXt block as one step, its wide maps in pieces that stay in the processor's cache.

The affine part of its LayerNorm is folded into the first linear, its LayerScale into the second, which adds the
shortcut as it multiplies; the gradient of the depthwise convolution is a convolution with flipped weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAX_VALUES = 2**20
"""Elements of one piece of the wide maps."""
MIN_VALUES = 2**13
"""Elements of the narrow maps below which there is no measured gain."""
_KINDS = {
    "conv_dw": ("torch.nn.modules.conv.Conv2d",),
    "norm": ("timm.layers.norm.LayerNorm2d", "timm.layers.norm.LayerNorm"),
    "mlp": ("timm.layers.mlp.Mlp",),
    "mlp.fc1": ("torch.nn.modules.conv.Conv2d", "torch.nn.modules.linear.Linear"),
    "mlp.act": ("timm.layers.activations.GELU", "torch.nn.modules.activation.GELU"),
    "mlp.norm": ("torch.nn.modules.linear.Identity",),
    "mlp.fc2": ("torch.nn.modules.conv.Conv2d", "torch.nn.modules.linear.Linear"),
    "shortcut": ("torch.nn.modules.linear.Identity",),
    "drop_path": ("torch.nn.modules.linear.Identity", "timm.layers.drop.DropPath"),
}
"""Types of the block's parts that can be computed. By name, since importing timm takes long."""


class BlockWeights(NamedTuple):
    """A block's weights, folded: depthwise and, for its gradient, flipped (c, 1, k, k); `widen` (w, c); `narrow`
    (c, w); `eps` of its LayerNorm. No gradient goes to them."""

    depthwise: Tensor
    depthwise_bias: Tensor | None
    flipped: Tensor
    widen: Tensor
    widen_bias: Tensor
    narrow: Tensor
    narrow_bias: Tensor | None
    eps: float


def is_convnext_block(module: Any) -> bool:
    """Returns whether the module is timm's own block, in evaluation mode, with parts that `convnext_block` computes."""
    if _kind(module) != "timm.models.convnext.ConvNeXtBlock":
        return False
    parts = dict(module.named_modules())
    if any(part.training for part in parts.values()):
        return False
    if not all(name in parts and _kind(parts[name]) in kinds for name, kinds in _KINDS.items()):
        return False
    conv, norm, fc1, fc2 = module.conv_dw, module.norm, module.mlp.fc1, module.mlp.fc2
    size = conv.kernel_size[0]
    same = size % 2 == 1 and conv.kernel_size == (size, size) and conv.padding == (size // 2, size // 2)
    plain = conv.stride == conv.dilation == (1, 1) and conv.padding_mode == "zeros"
    depthwise = conv.groups == conv.in_channels == conv.out_channels
    dense = all(type(one) is nn.Linear or _is_linear(one) for one in (fc1, fc2))
    exact = getattr(module.mlp.act, "approximate", "none") == "none"
    affine = norm.weight is not None and norm.bias is not None and norm.normalized_shape == (conv.out_channels,)
    return same and plain and depthwise and dense and exact and affine


def weights_of_block(block: Any) -> BlockWeights:
    """The block's current weights, folded."""
    conv, norm, gamma = block.conv_dw, block.norm, block.gamma
    (widen, widen_bias), (narrow, narrow_bias) = map(_matrix, (block.mlp.fc1, block.mlp.fc2))
    shift = widen @ norm.bias.detach()
    if gamma is not None:
        narrow = narrow * gamma.detach()[:, None]
        narrow_bias = None if narrow_bias is None else narrow_bias * gamma.detach()
    kernel = conv.weight.detach()
    return BlockWeights(
        kernel.contiguous(memory_format=torch.channels_last),
        None if conv.bias is None else conv.bias.detach(),
        kernel.flip(2, 3).contiguous(memory_format=torch.channels_last),
        widen * norm.weight.detach(),
        shift if widen_bias is None else shift + widen_bias,
        narrow,
        narrow_bias,
        norm.eps,
    )


def convnext_block_is_faster(maps: Tensor) -> bool:
    """Returns whether `convnext_block` can compute the maps (n, c, h, w) and is faster than the block's own code."""
    plain = maps.ndim == 4 and maps.is_cpu and maps.dtype == torch.float32
    return plain and maps.numel() >= MIN_VALUES and not torch.is_autocast_enabled("cpu")


def convnext_block(maps: Tensor, weights: BlockWeights) -> Tensor:
    """The block's output for maps (n, c, h, w), up to float noise; channels last. No gradient goes to the weights."""
    if maps.requires_grad and torch.is_grad_enabled():
        return Gelu.apply(maps, weights)
    return _forward(maps, weights, saves=False)[0]


class Gelu(torch.autograd.Function):
    """The block and its gradient. The name in the graph is that of its activation's step, by which guided
    backpropagation goes."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weights: BlockWeights) -> Tensor:
        """The block's output."""
        out, saved = _forward(maps, weights, saves=True)
        ctx.weights = weights
        ctx.save_for_backward(maps, *saved)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """The gradient to the maps."""
        maps, *saved = ctx.saved_tensors
        if torch.is_grad_enabled():  # a graph of the gradient itself is rare
            out = _plain(maps, ctx.weights)
            return torch.autograd.grad(out, maps, gradients[0], create_graph=True)[0], None
        return _backward(gradients[0], ctx.weights, *saved), None


def _forward(maps: Tensor, weights: BlockWeights, *, saves: bool) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The output, and what the backward pass needs: wide maps before GELU, and LayerNorm's input and statistics."""
    channels = maps.shape[1]
    filtered = _depthwise(maps, weights.depthwise, weights.depthwise_bias)
    rows = _rows(filtered)
    normal, mean, rstd = torch.native_layer_norm(rows, [channels], None, None, weights.eps)
    out = torch.empty_like(maps, memory_format=torch.channels_last)
    out_rows = out.permute(0, 2, 3, 1).view(-1, channels)
    if weights.narrow_bias is None:
        out_rows.copy_(_rows(maps))
    else:
        torch.add(_rows(maps), weights.narrow_bias, out=out_rows)
    pieces = list(_pieces(len(rows), len(weights.widen)))
    wide = rows.new_empty(len(rows) if saves else _longest(pieces), len(weights.widen))
    active = rows.new_empty(_longest(pieces), len(weights.widen))
    for piece in pieces:
        before, after = wide[piece] if saves else wide[: piece.stop - piece.start], active[: piece.stop - piece.start]
        torch.mm(normal[piece], weights.widen.T, out=before).add_(weights.widen_bias)
        torch.ops.aten.gelu.out(before, out=after)
        out_rows[piece].addmm_(after, weights.narrow.T)
    return out, (wide, rows, mean, rstd)


def _backward(
    gradient: Tensor, weights: BlockWeights, wide: Tensor, rows: Tensor, mean: Tensor, rstd: Tensor
) -> Tensor:
    """The gradient to the maps from that to the output, and from what `_forward` saved."""
    n, channels, height, width = gradient.shape
    pieces = list(_pieces(*wide.shape))
    outer, inner = _rows(gradient), torch.empty_like(rows)
    active = rows.new_empty(_longest(pieces), wide.shape[1])
    for piece in pieces:
        part = active[: piece.stop - piece.start]
        torch.mm(outer[piece], weights.narrow, out=part)
        torch.ops.aten.gelu_backward.grad_input(part, wide[piece], grad_input=part)
        torch.mm(part, weights.widen, out=inner[piece])
    back = torch.ops.aten.native_layer_norm_backward(
        inner, rows, [channels], mean, rstd, None, None, [True, False, False]
    )[0]
    maps = back.view(n, height, width, channels).permute(0, 3, 1, 2)
    return _depthwise(maps, weights.flipped, None).add_(gradient)


def _plain(maps: Tensor, weights: BlockWeights) -> Tensor:
    """The block in torch's own differentiable calls."""
    rows = _depthwise(maps, weights.depthwise, weights.depthwise_bias).permute(0, 2, 3, 1)
    normal = F.layer_norm(rows, rows.shape[-1:], eps=weights.eps)
    wide = F.gelu(F.linear(normal, weights.widen, weights.widen_bias))
    return maps + F.linear(wide, weights.narrow, weights.narrow_bias).permute(0, 3, 1, 2)


def _depthwise(maps: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    maps = maps.contiguous(memory_format=torch.channels_last)
    return F.conv2d(maps, kernel, bias, padding=kernel.shape[-1] // 2, groups=len(kernel))


def _rows(maps: Tensor) -> Tensor:
    """A row for each pixel of maps (n, c, h, w): (n · h · w, c)."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _pieces(rows: int, channels: int) -> Iterator[slice]:
    """Even pieces of at most MAX_VALUES elements."""
    count = max(1, -(-rows * channels // MAX_VALUES))
    edges = [rows * number // count for number in range(count + 1)]
    return (slice(first, last) for first, last in pairwise(edges))


def _longest(pieces: list[slice]) -> int:
    return max(piece.stop - piece.start for piece in pieces)


def _matrix(linear: Any) -> tuple[Tensor, Tensor | None]:
    """Weight (c', c) and bias of a linear layer or a 1 × 1 convolution."""
    return linear.weight.detach().flatten(1), None if linear.bias is None else linear.bias.detach()


def _is_linear(conv: nn.Conv2d) -> bool:
    return conv.groups == 1 and {*conv.kernel_size, *conv.stride} == {1} and conv.padding == (0, 0)


def _kind(module: Any) -> str:
    return f"{type(module).__module__}.{type(module).__qualname__}"
