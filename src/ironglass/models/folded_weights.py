"""The weights of a convolution with its batch-norm folded in, kept for as long as both stay what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FoldedWeights:
    """sources, eps: copies of what they were made of, and the batch-norm's eps. matrices: what faster ways
    to convolve build of them: `tiny_map_convolution` by map size, `winograd_convolution` under ()."""

    sources: tuple[Tensor | None, ...]
    eps: float | None
    weight: Tensor
    bias: Tensor | None
    matrices: dict[tuple[int, ...], Tensor] = field(default_factory=dict)


_kept: WeakKeyDictionary[nn.Conv2d, FoldedWeights] = WeakKeyDictionary()


def weights_of(conv: nn.Conv2d, norm: nn.BatchNorm2d | None, *, keep: bool) -> FoldedWeights:
    """Weight and bias of norm(conv(x)) as one convolution, in evaluation mode; on the CPU they lie channels-last.

    keep: hold them for the next call, with copies of what they were made of. They are used again only if every value
    of that is still the same: a count of changes, as torch keeps, would miss those that are made through `.data`.
    """
    sources: list[Tensor | None] = [conv.weight, conv.bias]
    if norm is not None:
        sources += [norm.weight, norm.bias, norm.running_mean, norm.running_var]
    known, eps = _kept.get(conv), None if norm is None else norm.eps
    if known is not None and known.eps == eps and all(map(_same, known.sources, sources)):
        return known
    weight, bias = conv.weight.detach(), None if conv.bias is None else conv.bias.detach()
    if norm is not None:
        weight, bias = _folded(conv, norm)
    layout = torch.channels_last if weight.device.type == "cpu" else torch.contiguous_format
    copies = tuple(None if tensor is None else tensor.detach().clone() for tensor in sources) if keep else ()
    made = FoldedWeights(copies, eps, weight.contiguous(memory_format=layout), bias)
    if keep:
        _kept[conv] = made
    else:
        _kept.pop(conv, None)
    return made


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    if one.device != other.device or one.dtype != other.dtype or one.shape != other.shape:
        return False
    bits, others = _bits(one), _bits(other)
    return torch.equal(bits, others) if bits.dtype == others.dtype else torch.equal(one, other)


def _bits(tensor: Tensor) -> Tensor:
    """Float32 as half as many whole numbers, which are compared twice as fast; itself where it does not lie so."""
    lies = tensor.dtype == torch.float32 and tensor.is_contiguous()
    lies = lies and tensor.numel() % 2 == 0 and tensor.storage_offset() % 2 == 0
    return tensor.detach().view(-1).view(torch.int64) if lies else tensor


def scale_and_shift(
    mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor]:
    """Batch-norm with fixed statistics as x · scale + shift, one number a channel, in float64."""
    scale = (var.double() + eps).rsqrt() * (1 if weight is None else weight.double())
    return scale, (0 if bias is None else bias.double()) - mean.double() * scale


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale, shift = scale_and_shift(norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps)
    bias = shift if conv.bias is None else shift + conv.bias.double() * scale
    return conv.weight * scale.to(conv.weight.dtype)[:, None, None, None], bias.to(conv.weight.dtype)
