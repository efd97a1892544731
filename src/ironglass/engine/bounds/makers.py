"""Makers of operations, with the arguments of torch's functions; None where the settings are not covered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.engine.bounds import activation, affine
from ironglass.engine.bounds.largest import largest_along
from ironglass.engine.bounds.largest import max_pool as max_pool_of
from ironglass.engine.bounds.operation import Operation


@dataclass(frozen=True)
class Read:
    """A value that depends on the image: that of one image of zeros, (1, ...), and the step that it comes from."""

    sample: Tensor
    position: int


Built: TypeAlias = Operation | Read | Any | None


def moved(move: Callable[..., Tensor]) -> Callable[..., Built]:
    """A function of a Read and further arguments that moves values, or reshapes them to the shape that it gives one
    image."""

    def make(value: Any, *args: Any, **kwargs: Any) -> Built:
        if not isinstance(value, Read):
            return None
        result = move(value.sample, *args, **kwargs)
        if len(result) != 1 or result.numel() > value.sample.numel():
            return None
        positions = torch.arange(value.sample.numel(), device=value.sample.device).view(value.sample.shape)
        sources = move(positions, *args, **kwargs).reshape(-1)
        if torch.equal(sources, positions.reshape(-1)):
            return affine.moved(value.sample, lambda values: values.reshape(-1, *result.shape[1:]))
        return affine.moved(value.sample, lambda values: values.flatten(1)[:, sources].view(-1, *result.shape[1:]))

    return make


def same(value: Any, *args: Any, **kwargs: Any) -> Built:
    """The value itself, in another layout."""
    return value


def active(make: Callable[[], Operation]) -> Callable[..., Built]:
    """An activation without settings."""
    return lambda value, inplace=False: make() if isinstance(value, Read) else None


def dropout(value: Read, p: float = 0.5, training: bool = True, inplace: bool = False) -> Built:
    """Dropout, which does nothing in evaluation."""
    return None if training else value


def leaky(value: Read, negative_slope: float = 0.01, inplace: bool = False) -> Built:
    """Leaky ReLU of a slope from 0 to 1."""
    return activation.leaky_relu(negative_slope) if 0 <= negative_slope <= 1 else None


def clamp(value: Read, min: float | None = None, max: float | None = None) -> Built:
    """Values cut to numbers."""
    bounds = [bound for bound in (min, max) if bound is not None]
    if not bounds or not all(isinstance(bound, int | float) for bound in bounds):
        return None
    low, high = (-torch.inf if min is None else min), (torch.inf if max is None else max)
    return activation.Activation(lambda x: x.clamp(low, high), bounds)


def add(one: Any, other: Any, *, alpha: float = 1) -> Built:
    """A sum of two values, or of a value and a constant."""
    return _sum(one, other, 1) if alpha == 1 else None


def subtract(one: Any, other: Any, *, alpha: float = 1) -> Built:
    """A difference of two values, or of a value and a constant."""
    return _sum(one, other, -1) if alpha == 1 else None


def _sum(one: Any, other: Any, sign: int) -> Built:
    if isinstance(one, Read) and isinstance(other, Read):
        return affine.sum_of(one.sample, other.sample, sign) if one.sample.shape == other.sample.shape else None
    value, constant = (one, other) if isinstance(one, Read) else (other, one)
    factor = 1.0 if isinstance(one, Read) else float(sign)
    return _scaled(value, factor, (sign if isinstance(one, Read) else 1) * _tensor(constant, value))


def times(one: Any, other: Any) -> Built:
    """A product with a constant."""
    if isinstance(one, Read) and isinstance(other, Read):
        return None
    value, constant = (one, other) if isinstance(one, Read) else (other, one)
    return _scaled(value, constant)


def over(one: Any, other: Any) -> Built:
    """A quotient by a constant."""
    return None if isinstance(other, Read) else _scaled(one, 1 / _tensor(other, one))


def _scaled(value: Read, factor: Any, constant: Tensor | None = None) -> Built:
    factor = _tensor(factor, value)
    shape = value.sample.shape
    if any(torch.broadcast_shapes(shape, part.shape) != shape for part in (factor, constant) if part is not None):
        return None
    return affine.scale(value.sample, factor, constant)


def _tensor(number: Any, value: Read) -> Tensor:
    return torch.as_tensor(number, device=value.sample.device).detach().double()


def _axes(sample: Tensor, dim: Any) -> list[int] | None:
    """Axes as numbers from 0; None where the batch is among them."""
    dims = [dim] if isinstance(dim, int) else list(dim or range(sample.ndim))
    axes = [axis % sample.ndim for axis in dims]
    return None if 0 in axes else axes


def mean(value: Read, dim: Any = None, keepdim: bool = False) -> Built:
    """Means along axes."""
    axes = _axes(value.sample, dim)
    return None if axes is None else affine.mean_along(value.sample, axes, keepdim)


def amax(value: Read, dim: Any = None, keepdim: bool = False) -> Built:
    """Maxima along axes."""
    axes = _axes(value.sample, dim)
    return None if axes is None else largest_along(value.sample, axes, keepdim)


def cat(parts: Any, dim: int = 0) -> Built:
    """Concatenation."""
    if not all(isinstance(part, Read) for part in parts) or dim % parts[0].sample.ndim == 0:
        return None
    return affine.joined([part.sample for part in parts], dim)


def pad(value: Read, pad: Any, mode: str = "constant", fill: float | None = None) -> Built:
    """Padding with zeros."""
    if mode == "constant" and not fill:
        return affine.moved(value.sample, lambda values: F.pad(values, list(pad)))
    return None


def max_pool(
    value: Read, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Built:  # fmt: skip
    """Max-pooling."""
    if return_indices or value.sample.ndim != 4:
        return None
    return max_pool_of(value.sample, kernel_size, stride, padding, dilation, ceil_mode)


def average_pool(value: Read, kernel_size: Any, *args: Any, **settings: Any) -> Built:
    """Average pooling."""
    names = ("stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    return affine.average_pool(value.sample, kernel_size, **dict(zip(names, args, strict=False)), **settings)


def adaptive_average(value: Read, output_size: Any) -> Built:
    """Average pooling to a size."""
    return affine.adaptive_average_pool(value.sample, output_size)


def item(value: Any, index: Any) -> Built:
    """A part of a value, the batch complete; or an element of a size."""
    if not isinstance(value, Read):
        return value[index]
    if not isinstance(index, tuple) or index[0] != slice(None):
        return None
    return moved(lambda values: values[index])(value)


def adaptive_max(value: Read, output_size: Any) -> Built:
    """Max-pooling to one value a channel."""
    return largest_along(value.sample, (2, 3), True) if output_size in (1, (1, 1), [1, 1]) else None


def convolution(
    value: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Built:
    """A convolution with fixed weights."""
    if not isinstance(value, Read) or isinstance(weight, Read) or isinstance(bias, Read):
        return None
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return affine.convolution(value.sample, weight, bias, settings)


def linear(value: Any, weight: Any, bias: Any = None) -> Built:
    """A linear layer with fixed weights."""
    if not isinstance(value, Read) or isinstance(weight, Read) or isinstance(bias, Read):
        return None
    return affine.linear(value.sample, weight, bias)


def batch_norm(
    value: Read, mean: Any, var: Any, weight: Any = None, bias: Any = None, training: bool = False,
    momentum: float | None = 0.1, eps: float = 1e-5,
) -> Built:  # fmt: skip
    """Batch-norm with running statistics."""
    if training or mean is None or var is None:
        return None
    return affine.batch_norm(value.sample, mean, var, weight, bias, eps)


def convolution_module(module: Any, value: Read) -> Built:
    """A convolution that pads with zeros."""
    if module.padding_mode != "zeros":
        return None
    return convolution(value, module.weight, module.bias, module.stride, module.padding, module.dilation, module.groups)


def batch_norm_module(module: Any, value: Read) -> Built:
    """Batch-norm in evaluation."""
    training = module.training or module.running_mean is None
    return batch_norm(
        value, module.running_mean, module.running_var, module.weight, module.bias, training, eps=module.eps
    )
