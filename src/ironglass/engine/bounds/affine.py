"""Affine operations of networks: convolution, linear layer, batch-norm, average pooling, sums, moves of values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from ironglass.engine.bounds.operation import Affine


def convolution(sample: Tensor, weight: Tensor, bias: Tensor | None, settings: dict[str, Any]) -> Affine:
    """conv2d with zeros as padding. settings: stride, padding, dilation, groups. sample: an input, (1, c, h, w)."""
    weight = weight.detach().double()
    shape = sample.shape[1:]

    def with_weight(values: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda images: F.conv2d(images, values, None, **settings)

    transposed: Callable[[Tensor], Tensor] | None = None
    if not isinstance(settings.get("padding"), str):

        def transposed_convolution(rows: Tensor) -> Tensor:
            return conv2d_input([len(rows), *shape], weight, rows, **settings)

        transposed = transposed_convolution

    return Affine(
        [shape], with_weight(weight), positive=with_weight(weight.abs()), squared=with_weight(weight.square()),
        transposed=transposed, constant=None if bias is None else bias.detach().double().view(1, -1, 1, 1),
        terms=weight[0].numel() + 1,
    )  # fmt: skip


def linear(sample: Tensor, weight: Tensor, bias: Tensor | None) -> Affine:
    """x Wᵀ + b along the last axis."""
    weight = weight.detach().double()

    def with_weight(values: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda features: F.linear(features, values)

    return Affine(
        [sample.shape[1:]], with_weight(weight), positive=with_weight(weight.abs()),
        squared=with_weight(weight.square()), transposed=lambda rows: rows @ weight,
        constant=None if bias is None else bias.detach().double(), terms=weight.shape[1] + 1,
    )  # fmt: skip


def scale(sample: Tensor, factor: Tensor, constant: Tensor | None = None, size: Tensor | None = None) -> Affine:
    """factor · x + constant, each broadcast over the values. size: what the constant is the sum of, in absolute values;
    batch-norm and normalisation take at most eight roundings."""

    def by(values: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda inputs: inputs * values

    return Affine(
        [sample.shape[1:]], by(factor), positive=by(factor.abs()), squared=by(factor.square()), transposed=by(factor),
        constant=constant, constant_size=size, terms=8, is_diagonal=True,
    )  # fmt: skip


def batch_norm(
    sample: Tensor, mean: Tensor, var: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
) -> Affine:
    """Batch-norm with its running statistics, a channel the second axis."""
    shape = (1, -1, *[1] * (sample.ndim - 2))
    factor = (var.detach().double() + eps).rsqrt()
    factor = factor if weight is None else factor * weight.detach().double()
    shift = torch.zeros_like(factor) if bias is None else bias.detach().double()
    mean = mean.detach().double()
    constant, size = shift - mean * factor, shift.abs() + (mean * factor).abs()
    return scale(sample, factor.view(shape), constant.view(shape), size.view(shape))


def normalisation(sample: Tensor, mean: Tensor, std: Tensor) -> Affine:
    """(images - mean) / std."""
    mean, factor = mean.detach().double(), 1 / std.detach().double()
    return scale(sample, factor, -mean * factor, (mean * factor).abs())


def average_pool(sample: Tensor, kernel: Any, **settings: Any) -> Affine:
    """Average pooling, with torch's settings."""
    sides = kernel if isinstance(kernel, tuple | list) else (kernel, kernel)
    return Affine(
        [sample.shape[1:]], lambda maps: F.avg_pool2d(maps, kernel, **settings), terms=int(sides[0] * sides[1]) + 1
    )


def adaptive_average_pool(sample: Tensor, size: Any) -> Affine:
    """Average pooling to a size."""
    terms = sample.shape[-1] * sample.shape[-2] + 1
    return Affine([sample.shape[1:]], lambda maps: F.adaptive_avg_pool2d(maps, size), terms=terms)


def mean_along(sample: Tensor, axes: Sequence[int], keepdim: bool) -> Affine:
    """Means along axes, the batch not among them."""
    terms = sample[0].numel() + 1
    return Affine([sample.shape[1:]], lambda values: values.mean(tuple(axes), keepdim), terms=terms)


def sum_of(first: Tensor, second: Tensor, sign: int = 1) -> Affine:
    """first + sign · second, of two values that depend on the image."""
    return Affine(
        [first.shape[1:], second.shape[1:]], lambda one, other: one + sign * other,
        positive=lambda one, other: one + other, terms=1,
    )  # fmt: skip


def joined(samples: Sequence[Tensor], axis: int) -> Affine:
    """Concatenation along an axis."""
    return Affine([sample.shape[1:] for sample in samples], lambda *parts: torch.cat(parts, axis))


def moved(sample: Tensor, move: Callable[[Tensor], Tensor]) -> Affine:
    """Values that change their positions alone: flattening, reshaping, permuting, slicing, padding with zeros."""
    return Affine([sample.shape[1:]], move, squared=move, is_diagonal=True)
