"""The weights of a convolution with its batch-norm folded in, kept for as long as both stay what they are."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class FoldedWeights:
    """Weights of a convolution with a batch-norm folded in.

    sources, eps: copies of what they were made of, and the batch-norm's eps.
    shift: what the batch-norm makes of 0, a number a channel.
    matrices: what faster ways to convolve build of them: `tiny_map_convolution` by map size,
        `three_by_three_convolution` by the way.
    """

    sources: tuple[Tensor | None, ...]
    eps: float | None
    weight: nn.Parameter
    bias: nn.Parameter | None
    shift: Tensor | None = None
    matrices: dict[Any, Any] = field(default_factory=dict)


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
    weight, bias, shift = conv.weight.detach(), None if conv.bias is None else conv.bias.detach(), None
    if norm is not None:
        weight, bias, shift = _folded(conv, norm)
    layout = torch.channels_last if weight.device.type == "cpu" else torch.contiguous_format
    copies = tuple(None if tensor is None else tensor.detach().clone() for tensor in sources) if keep else ()
    made = FoldedWeights(
        copies,
        eps,
        nn.Parameter(weight.contiguous(memory_format=layout), requires_grad=False),
        None if bias is None else nn.Parameter(bias, requires_grad=False),
        shift,
    )
    if keep:
        _kept[conv] = made
    else:
        _kept.pop(conv, None)
    return made


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    if one.shape != other.shape or one.dtype != other.dtype or one.is_cpu != other.is_cpu:
        return False
    if _memcmp is not None and one.is_cpu and one.is_contiguous() and other.is_contiguous():
        return _memcmp(one.data_ptr(), other.data_ptr(), one.nbytes) == 0
    return one.device == other.device and torch.equal(one, other)


def _find_memcmp() -> Callable[[int, int, int], int] | None:
    """The C library's comparison of bytes, at the speed of memory, four times that of `torch.equal`; None elsewhere
    than where every program has it loaded."""
    if os.name != "posix":
        return None
    found = ctypes.CDLL(None).memcmp
    found.argtypes, found.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_int
    return found


_memcmp = _find_memcmp()


def scale_and_shift(
    mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor]:
    """Batch-norm with fixed statistics as x · scale + shift, one number a channel, in float64."""
    scale = (var.double() + eps).rsqrt() * (1 if weight is None else weight.double())
    return scale, (0 if bias is None else bias.double()) - mean.double() * scale


def _folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, Tensor]:
    """Weight, bias, and the batch-norm's own offset."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale, shift = scale_and_shift(norm.running_mean, norm.running_var, norm.weight, norm.bias, norm.eps)
    bias = shift if conv.bias is None else shift + conv.bias.double() * scale
    dtype = conv.weight.dtype
    return conv.weight * scale.to(dtype)[:, None, None, None], bias.to(dtype), shift.float()
