"""The weights of a convolution with its batch-norm folded in, cached while both are unchanged."""

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

    sources, eps: copies of the tensors that they were made from, and the batch-norm's eps.
    shift: the batch-norm's output for 0, per channel.
    matrices: matrices built from them by faster kernels: `tiny_map_convolution` by map size,
        `three_by_three_convolution` by kernel.
    """

    sources: tuple[Tensor | None, ...]
    eps: float | None
    weight: nn.Parameter
    bias: nn.Parameter | None
    shift: Tensor | None = None
    matrices: dict[Any, Any] = field(default_factory=dict)


_cache: WeakKeyDictionary[nn.Conv2d, FoldedWeights] = WeakKeyDictionary()


def weights_of(conv: nn.Conv2d, norm: nn.BatchNorm2d | None, *, cache: bool) -> FoldedWeights:
    """Weight and bias of norm(conv(x)) as one convolution, in evaluation mode; on the CPU they lie channels-last.

    cache: keep them for the next call, with copies of the tensors that they were made from. They are used again only if
        every value is still the same: torch's version counter would miss writes through `.data`.
    """
    sources: list[Tensor | None] = [conv.weight, conv.bias]
    if norm is not None:
        sources += [norm.weight, norm.bias, norm.running_mean, norm.running_var]
    cached, eps = _cache.get(conv), None if norm is None else norm.eps
    if cached is not None and cached.eps == eps and all(map(_same, cached.sources, sources)):
        return cached
    weight, bias, shift = conv.weight.detach(), None if conv.bias is None else conv.bias.detach(), None
    if norm is not None:
        weight, bias, shift = _folded(conv, norm)
    layout = torch.channels_last if weight.device.type == "cpu" else torch.contiguous_format
    copies = tuple(None if tensor is None else tensor.detach().clone() for tensor in sources) if cache else ()
    folded = FoldedWeights(
        copies,
        eps,
        nn.Parameter(weight.contiguous(memory_format=layout), requires_grad=False),
        None if bias is None else nn.Parameter(bias, requires_grad=False),
        shift,
    )
    if cache:
        _cache[conv] = folded
    else:
        _cache.pop(conv, None)
    return folded


def _same(first: Tensor | None, second: Tensor | None) -> bool:
    if first is None or second is None:
        return first is second
    if first.shape != second.shape or first.dtype != second.dtype or first.is_cpu != second.is_cpu:
        return False
    if _memcmp is not None and first.is_cpu and first.is_contiguous() and second.is_contiguous():
        return _memcmp(first.data_ptr(), second.data_ptr(), first.nbytes) == 0
    return first.device == second.device and torch.equal(first, second)


def _find_memcmp() -> Callable[[int, int, int], int] | None:
    """The C library's memcmp, four times as fast as `torch.equal`; None on platforms other than POSIX."""
    if os.name != "posix":
        return None
    memcmp = ctypes.CDLL(None).memcmp
    memcmp.argtypes, memcmp.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_int
    return memcmp


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
