"""Operations by the module, function or method that a traced network calls."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from ironglass.engine.bounds import activation, makers
from ironglass.engine.bounds.makers import Built

_relu, _relu6 = makers.active(activation.relu), makers.active(lambda: activation.clamp(0, 6))
_hard_swish, _hard_sigmoid = makers.active(activation.hard_swish), makers.active(activation.hard_sigmoid)
_flatten, _reshape = makers.moved(torch.flatten), makers.moved(lambda value, *shape: value.reshape(*shape))
_permute = makers.moved(lambda value, *axes: value.permute(*axes))
_transpose, _squeeze, _unsqueeze = (makers.moved(move) for move in (torch.transpose, torch.squeeze, torch.unsqueeze))


def _getattr(value: Any, name: str) -> Built:
    return getattr(value.sample, name) if name in ("shape", "ndim", "device", "dtype") else None


def _hardtanh(value: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Built:
    return makers.clamp(value, min_val, max_val)


def _stochastic_depth(value: Any, p: float, mode: str, training: bool = True) -> Built:
    return None if training else value


FUNCTIONS: dict[Any, Callable[..., Built]] = {
    torch.relu: _relu, F.relu: _relu, F.relu6: _relu6, F.leaky_relu: makers.leaky, F.hardswish: _hard_swish,
    F.hardsigmoid: _hard_sigmoid, F.hardtanh: _hardtanh, torch.clamp: makers.clamp,
    operator.add: makers.add, operator.iadd: makers.add, torch.add: makers.add,
    operator.sub: makers.subtract, operator.isub: makers.subtract, torch.sub: makers.subtract,
    operator.mul: makers.times, operator.imul: makers.times, torch.mul: makers.times,
    operator.truediv: makers.over, torch.div: makers.over, operator.neg: lambda value: makers.times(value, -1.0),
    torch.cat: makers.cat, torch.concat: makers.cat, torch.mean: makers.mean, torch.amax: makers.amax,
    torch.flatten: _flatten, torch.reshape: _reshape, torch.permute: _permute, torch.transpose: _transpose,
    torch.squeeze: _squeeze, torch.unsqueeze: _unsqueeze, F.pad: makers.pad,
    F.max_pool2d: makers.max_pool, torch.max_pool2d: makers.max_pool, F.avg_pool2d: makers.average_pool,
    F.adaptive_avg_pool2d: makers.adaptive_average, F.adaptive_max_pool2d: makers.adaptive_max,
    F.conv2d: makers.convolution, torch.conv2d: makers.convolution, F.linear: makers.linear,
    F.batch_norm: makers.batch_norm, F.dropout: makers.dropout, F.dropout2d: makers.dropout,
    torchvision.ops.stochastic_depth: _stochastic_depth,
    operator.getitem: makers.item, getattr: _getattr,
}  # fmt: skip
"""Makers by function; their arguments are the function's, of which those that depend on the image are `Read`."""

IN_PLACE = (operator.iadd, operator.isub, operator.imul)
"""Functions that write to their first argument, which later readers then read."""

METHODS: dict[str, Callable[..., Built]] = {
    "relu": _relu, "clamp": makers.clamp, "add": makers.add, "sub": makers.subtract, "mul": makers.times,
    "div": makers.over, "mean": makers.mean, "amax": makers.amax, "flatten": _flatten, "view": _reshape,
    "reshape": _reshape, "permute": _permute, "transpose": _transpose, "squeeze": _squeeze, "unsqueeze": _unsqueeze,
    "unflatten": makers.moved(lambda value, *args: value.unflatten(*args)), "contiguous": makers.same,
    "size": lambda value, *axis: value.sample.size(*axis), "dim": lambda value: value.sample.dim(),
}  # fmt: skip


def _max_pool(module: Any, value: Any) -> Built:
    return makers.max_pool(
        value, module.kernel_size, module.stride, module.padding, module.dilation, module.ceil_mode,
        module.return_indices,
    )  # fmt: skip


def _average_pool(module: Any, value: Any) -> Built:
    names = ("stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
    return makers.average_pool(value, module.kernel_size, **{name: getattr(module, name) for name in names})


def _dropout(module: Any, value: Any) -> Built:
    return makers.dropout(value, training=module.training)


MODULES: dict[type, Callable[..., Built]] = {
    nn.Conv2d: makers.convolution_module,
    nn.Linear: lambda module, value: makers.linear(value, module.weight, module.bias),
    nn.BatchNorm1d: makers.batch_norm_module, nn.BatchNorm2d: makers.batch_norm_module,
    nn.ReLU: lambda module, value: _relu(value), nn.ReLU6: lambda module, value: _relu6(value),
    nn.LeakyReLU: lambda module, value: makers.leaky(value, module.negative_slope),
    nn.Hardtanh: lambda module, value: makers.clamp(value, module.min_val, module.max_val),
    nn.Hardswish: lambda module, value: _hard_swish(value), nn.Hardsigmoid: lambda module, value: _hard_sigmoid(value),
    nn.MaxPool2d: _max_pool, nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool2d: lambda module, value: makers.adaptive_average(value, module.output_size),
    nn.AdaptiveMaxPool2d: lambda module, value: makers.adaptive_max(value, module.output_size),
    nn.Flatten: lambda module, value: _flatten(value, module.start_dim, module.end_dim),
    nn.Unflatten: lambda module, value: METHODS["unflatten"](value, module.dim, module.unflattened_size),
    nn.Identity: lambda module, value: value,
    nn.ZeroPad2d: lambda module, value: makers.pad(value, module.padding),
    nn.Dropout: _dropout, nn.Dropout1d: _dropout, nn.Dropout2d: _dropout,
    torchvision.ops.StochasticDepth: lambda module, value: None if module.training else value,
}  # fmt: skip
"""Makers by exactly this class of module, since a subclass may compute anything: of the module and what it reads."""
